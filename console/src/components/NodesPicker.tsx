// Chooses nodes by their names or ids, of which the server finds those that fit what is typed.

import FormField from "@cloudscape-design/components/form-field";
import Multiselect from "@cloudscape-design/components/multiselect";
import { useState } from "react";

import { listNodeSummaries } from "../api/fleet";
import { useCall } from "../api/use";
import { useSettled } from "../app/settled";

export interface ChosenNode {
  readonly value: string;
  readonly label: string;
}

interface Props {
  readonly chosen: readonly ChosenNode[];
  readonly onChange: (chosen: readonly ChosenNode[]) => void;
}

const SHOWN = 20;
const SETTLE_MS = 250;

export function NodesPicker({ chosen, onChange }: Props) {
  const [typed, setTyped] = useState("");
  const { value } = useSettled(typed.trim(), typed.trim(), SETTLE_MS);
  const filters = value === "" ? {} : { Filters: [{ Key: "AnyName", Operator: "Contains" as const, Values: [value] }] };
  const answer = useCall(listNodeSummaries, { MaxResults: SHOWN, ...filters }, { keep: true });
  const { Nodes: nodes = [], Total: total = 0 } = answer.data ?? {};
  const more = `${nodes.length} of ${total.toLocaleString()} nodes: type more of the name`;
  return (
    <FormField label="Nodes">
      <Multiselect
        placeholder="Choose nodes"
        filteringType="manual"
        filteringAriaLabel="Find nodes"
        filteringPlaceholder="A name or an id, or a part of it"
        onLoadItems={({ detail }) => {
          setTyped(detail.filteringText);
          if (detail.samePage) void answer.refetch();
        }}
        statusType={
          answer.error !== null ? "error" : answer.isPending || answer.isPlaceholderData ? "loading" : "finished"
        }
        loadingText="Looking for nodes"
        errorText={answer.error?.message ?? ""}
        recoveryText="Try again"
        finishedText={total > nodes.length ? more : ""}
        empty="No node is called so"
        tokenLimit={20}
        selectedOptions={[...chosen]}
        options={nodes.map((node) => {
          const name = node.Name ?? node.ComputerName;
          return {
            value: node.NodeId,
            label: name ?? node.NodeId,
            ...(name === undefined ? {} : { description: node.NodeId }),
          };
        })}
        deselectAriaLabel={({ label = "" }) => `Leave out ${label}`}
        onChange={({ detail }) =>
          onChange(detail.selectedOptions.map(({ value: id = "", label = id }) => ({ value: id, label })))
        }
      />
    </FormField>
  );
}
