// Asks before something that cannot be undone.

import Button from "@cloudscape-design/components/button";
import { useState } from "react";
import type { ReactNode } from "react";

import { Question } from "./Question";

interface Props {
  /** On the button that opens the question, and on the one that answers it. */
  readonly label: string;
  readonly title: string;
  readonly children: ReactNode;
  readonly onConfirm: () => unknown;
  readonly disabled?: boolean;
}

export function Confirm({ label, title, children, onConfirm, disabled }: Props) {
  const [open, setOpen] = useState(false);
  const answer = (): void => {
    setOpen(false);
    onConfirm();
  };
  return (
    <>
      <Button formAction="none" disabled={disabled === true} onClick={() => setOpen(true)}>
        {label}
      </Button>
      {open ? (
        <Question title={title} label={label} onConfirm={answer} onDismiss={() => setOpen(false)}>
          {children}
        </Question>
      ) : null}
    </>
  );
}
