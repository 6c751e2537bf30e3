// One state as the console shows it everywhere.

import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { ReactNode } from "react";

import { lookOf, wordOf } from "../logic/status";
import type { Look } from "../logic/status";

const FACES: Record<Look, { type: StatusIndicatorProps.Type; colorOverride?: StatusIndicatorProps.Color }> = {
  good: { type: "success" },
  bad: { type: "error" },
  unknown: { type: "pending", colorOverride: "grey" },
  stale: { type: "warning", colorOverride: "yellow" },
  running: { type: "in-progress", colorOverride: "blue" },
  waiting: { type: "pending", colorOverride: "blue" },
  stopped: { type: "stopped" },
  warning: { type: "info", colorOverride: "blue" },
  info: { type: "info", colorOverride: "grey" },
};

interface Props {
  readonly status: string | undefined;
  /** In place of the state's own word. */
  readonly text?: ReactNode;
}

export function Status({ status, text }: Props) {
  return (
    <StatusIndicator wrapText={false} {...FACES[lookOf(status)]}>
      {text ?? wordOf(status)}
    </StatusIndicator>
  );
}
