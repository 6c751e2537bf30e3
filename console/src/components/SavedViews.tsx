// The views of a list that somebody has named: open, save, forget.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { go } from "../app/place";
import { forgetView, saveView, useSavedViews, viewProblem } from "../logic/views";

interface Props {
  /** The list's own address: only its views are shown. */
  readonly path: string;
  /** What would be saved. */
  readonly address: string;
}

export function SavedViews({ path, address }: Props) {
  const all = useSavedViews();
  const views = all.filter((view) => view.address.split("?")[0] === path);
  const [naming, setNaming] = useState(false);
  const current = views.find((view) => view.address === address);
  const items = [
    ...views.map((view) => ({ id: `open ${view.name}`, text: view.name })),
    { id: "save", text: "Save this view" },
    ...(current === undefined ? [] : [{ id: "forget", text: `Forget ${current.name}` }]),
  ];
  return (
    <>
      <ButtonDropdown
        items={items}
        onItemClick={({ detail }) => {
          if (detail.id === "save") setNaming(true);
          else if (detail.id === "forget" && current !== undefined) forgetView(current.name);
          else go(`#${views.find((view) => detail.id === `open ${view.name}`)?.address ?? path}`);
        }}
      >
        {current?.name ?? "Views"}
      </ButtonDropdown>
      {naming ? <Naming address={address} onClose={() => setNaming(false)} /> : null}
    </>
  );
}

function Naming({ address, onClose }: { readonly address: string; readonly onClose: () => void }) {
  const views = useSavedViews();
  const [name, setName] = useState("");
  const [tried, setTried] = useState(false);
  const problem = viewProblem(name, views);
  const save = (): void => {
    setTried(true);
    if (problem !== undefined) return;
    saveView({ name: name.trim(), address });
    onClose();
  };
  return (
    <Modal
      visible
      header="Save this view"
      closeAriaLabel="Close"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" onClick={save}>
              Save
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <FormField
        label="Name of the view"
        description="Its filters and order are kept in this browser"
        errorText={tried ? problem : undefined}
      >
        <Input
          value={name}
          onChange={({ detail }) => setName(detail.value)}
          onKeyDown={({ detail }) => {
            if (detail.key === "Enter") save();
          }}
        />
      </FormField>
    </Modal>
  );
}
