// Opens the form that does something again, for the nodes on which it failed.

import Button from "@cloudscape-design/components/button";
import { useState } from "react";

import { failedNodes } from "../api/commands";
import type { CallError } from "../api/errors";
import { flashError } from "../api/use";
import { flash } from "../app/flash";
import { go } from "../app/place";

interface Props {
  readonly commandId: string;
  readonly disabled: boolean;
  /** The form, with these nodes in it. */
  readonly to: (nodes: readonly string[]) => string;
}

export function RetryFailed({ commandId, disabled, to }: Props) {
  const [looking, setLooking] = useState(false);
  const retry = async (): Promise<void> => {
    setLooking(true);
    try {
      const { nodes, isCut } = await failedNodes(commandId);
      if (isCut) {
        const content = `These are ${nodes.length} of the nodes that failed: no more can be named at once.`;
        flash({ type: "warning", content });
      }
      go(to(nodes));
    } catch (error) {
      flashError(error as CallError);
    } finally {
      setLooking(false);
    }
  };
  return (
    <Button disabled={disabled} loading={looking} onClick={() => void retry()}>
      Retry failed nodes
    </Button>
  );
}
