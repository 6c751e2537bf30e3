// Asks before something that cannot be undone.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { ReactNode } from "react";

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
        <Modal
          visible
          header={title}
          closeAriaLabel="Close"
          onDismiss={() => setOpen(false)}
          footer={
            <Box float="right">
              <SpaceBetween direction="horizontal" size="xs">
                <Button variant="link" onClick={() => setOpen(false)}>
                  Keep it
                </Button>
                <Button variant="primary" onClick={answer}>
                  {label}
                </Button>
              </SpaceBetween>
            </Box>
          }
        >
          {children}
        </Modal>
      ) : null}
    </>
  );
}
