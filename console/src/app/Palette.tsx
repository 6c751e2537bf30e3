// The command palette (Ctrl-K): go to a page, a node, a parameter, a command, an advisory, by typing.

import Autosuggest from "@cloudscape-design/components/autosuggest";
import type { AutosuggestProps } from "@cloudscape-design/components/autosuggest";
import Modal from "@cloudscape-design/components/modal";
import { useEffect, useRef, useState } from "react";

import { session } from "../api/session";
import { destinations } from "../logic/destinations";
import { savedViews } from "../logic/views";
import { go } from "./place";

export default function Palette({ onClose }: { readonly onClose: () => void }) {
  const [text, setText] = useState("");
  const input = useRef<AutosuggestProps.Ref>(null);
  useEffect(() => {
    // After the dialog has put the focus on its own first button.
    const timer = setTimeout(() => input.current?.focus(), 50);
    return () => clearTimeout(timer);
  }, []);
  const found = destinations(text, savedViews(), session()?.kept === true);
  const opened = useRef(false);
  const open = (value: string): void => {
    if (opened.current) return;
    const target = found.find((destination) => destination.href === value) ?? found[0];
    if (target === undefined) return;
    opened.current = true;
    onClose();
    go(target.href);
  };
  return (
    <Modal visible header="Go to" closeAriaLabel="Close" onDismiss={onClose}>
      {/* Room for the list below the field: above it would cover the title. */}
      <div className="palette">
        <Autosuggest
          ref={input}
          value={text}
          ariaLabel="Page, node, parameter, package, CVE, KB or command id"
          placeholder="A page, a node, a parameter, a package, a CVE, a KB number, a command id"
          filteringType="none"
          enteredTextLabel={(value) => `Go to “${value}”`}
          empty="Nothing of that kind"
          options={found.map((destination) => ({
            value: destination.href,
            label: destination.label,
            description: destination.description,
          }))}
          onChange={({ detail }) => setText(detail.value)}
          onSelect={({ detail }) => open(detail.value)}
          onKeyDown={({ detail }) => {
            // A choice in the list is told first; without one it is the first that was found.
            if (detail.key === "Enter") setTimeout(() => open(""));
          }}
        />
      </div>
    </Modal>
  );
}
