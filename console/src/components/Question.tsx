// A question over the page, asked before something that cannot be undone.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";

interface Props {
  readonly title: string;
  /** On the button that says yes. */
  readonly label: string;
  readonly children: ReactNode;
  readonly onConfirm: () => unknown;
  readonly onDismiss: () => void;
  /** While what was asked for is done. */
  readonly busy?: boolean;
}

export function Question({ title, label, children, onConfirm, onDismiss, busy }: Props) {
  return (
    <Modal
      visible
      header={title}
      closeAriaLabel="Close"
      onDismiss={onDismiss}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onDismiss}>
              Keep it
            </Button>
            <Button variant="primary" loading={busy === true} onClick={() => onConfirm()}>
              {label}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      {children}
    </Modal>
  );
}
