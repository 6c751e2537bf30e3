// Deregisters nodes, once somebody has said so; those that the server refused stay named, to be tried again.

import Alert from "@cloudscape-design/components/alert";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { advice } from "../api/errors";
import { deregisterNodes } from "../api/nodes";
import type { Deregistered } from "../api/nodes";
import { useAction } from "../api/use";
import { flash } from "../app/flash";
import { plural } from "../logic/counts";
import { CopyCommand } from "./CopyCommand";
import { Question } from "./Question";

export interface NamedNode {
  readonly id: string;
  readonly name: string;
}

interface Props {
  readonly nodes: readonly NamedNode[];
  readonly onClose: () => void;
  /** Those that are there no longer, whoever deregistered them. */
  readonly onGone: (ids: readonly string[]) => void;
}

export function DeregisterNodes({ nodes, onClose, onGone }: Props) {
  const [left, setLeft] = useState(nodes);
  const [failed, setFailed] = useState<Deregistered["failed"]>([]);
  const nameOf = (id: string): string => nodes.find((node) => node.id === id)?.name ?? id;
  const deregister = useAction(deregisterNodes, {
    onDone: ({ gone, missing, failed: refused }) => {
      const [first = ""] = gone;
      const what = gone.length === 1 ? `${nameOf(first)} is` : `${plural(gone.length, "node")} are`;
      if (gone.length > 0) flash({ type: "success", content: `${what} deregistered.` });
      if (missing.length > 0)
        flash({ type: "info", content: `Not there any more: ${missing.map(nameOf).join(", ")}.` });
      setFailed(refused);
      setLeft(left.filter(({ id }) => refused.some((one) => one.id === id)));
      if (gone.length + missing.length > 0) onGone([...gone, ...missing]);
      if (refused.length === 0) onClose();
    },
  });
  const one = left.length === 1 ? left[0] : undefined;
  return (
    <Question
      title={one === undefined ? `Deregister ${left.length} nodes?` : `Deregister ${one.name}?`}
      label={failed.length === 0 ? "Deregister" : "Try again"}
      busy={deregister.isPending}
      onDismiss={onClose}
      onConfirm={() => deregister.mutate({ ids: left.map(({ id }) => id) })}
    >
      <SpaceBetween size="m">
        {failed.length === 0 ? null : (
          <Alert type="error" header={`${plural(failed.length, "node")} could not be deregistered`}>
            <ul className="names">
              {failed.map(({ id, error }) => (
                <li key={id}>
                  {nameOf(id)}: {error.code}: {error.message}. {advice(error)}
                </li>
              ))}
            </ul>
          </Alert>
        )}
        <div>
          {one === undefined ? "Their" : "Its"} agent is refused from then on, and comes back only by a new activation,
          with another id. Lost are the tags, the membership of groups, patch state, compliance items, inventory and how{" "}
          {one === undefined ? "they stand" : "it stands"} in associations. Reports of the past and the output of
          commands are kept as long as others.
        </div>
        <ul className="names output">
          {left.map(({ id, name }) => (
            <li key={id}>{name === id ? id : `${name} (${id})`}</li>
          ))}
        </ul>
        <CopyCommand
          requests={left.map(({ id }) => ({
            service: "ssm",
            operation: deregisterNodes.operation,
            input: { InstanceId: id },
          }))}
        />
      </SpaceBetween>
    </Question>
  );
}
