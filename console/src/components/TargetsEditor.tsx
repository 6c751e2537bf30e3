// Chooses the nodes that something is for, and says how many that are.

import Box from "@cloudscape-design/components/box";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Tiles from "@cloudscape-design/components/tiles";
import { useDeferredValue } from "react";

import { listNodeSummaries } from "../api/fleet";
import type { NodeFilter } from "../api/fleet";
import { useCall } from "../api/use";
import { targetsProblem, toTargets } from "../logic/targets";
import type { TargetsForm } from "../logic/targets";
import { CallFailure } from "./CallFailure";

interface Props {
  readonly form: TargetsForm;
  readonly onChange: (form: TargetsForm) => void;
  readonly showProblem: boolean;
}

export function TargetsEditor({ form, onChange, showProblem }: Props) {
  const problem = targetsProblem(form);
  const error = showProblem ? problem : undefined;
  const set = (change: Partial<TargetsForm>): void => onChange({ ...form, ...change });
  return (
    <SpaceBetween size="m">
      <Tiles
        ariaLabel="Targets"
        columns={4}
        value={form.by}
        items={[
          { value: "nodes", label: "Nodes", description: "By their ids" },
          { value: "tag", label: "Tag", description: "Nodes that have it when it runs" },
          { value: "group", label: "Patch group", description: "The tag PatchGroup" },
          { value: "all", label: "All nodes", description: "Of this account and region" },
        ]}
        onChange={({ detail }) => set({ by: detail.value as TargetsForm["by"] })}
      />
      {form.by === "nodes" ? (
        <FormField label="Node ids" constraintText="Separated by commas, spaces or lines; at most 50" errorText={error}>
          <Textarea
            value={form.nodes}
            rows={2}
            spellcheck={false}
            onChange={({ detail }) => set({ nodes: detail.value })}
          />
        </FormField>
      ) : null}
      {form.by === "tag" ? (
        <ColumnLayout columns={2}>
          <FormField label="Tag" errorText={error}>
            <Input value={form.key} placeholder="Env" onChange={({ detail }) => set({ key: detail.value })} />
          </FormField>
          <FormField label="Values" constraintText="Separated by commas: any of them">
            <Input value={form.values} placeholder="prod" onChange={({ detail }) => set({ values: detail.value })} />
          </FormField>
        </ColumnLayout>
      ) : null}
      {form.by === "group" ? (
        <FormField label="Patch group" errorText={error}>
          <Input value={form.group} placeholder="web" onChange={({ detail }) => set({ group: detail.value })} />
        </FormField>
      ) : null}
      {problem === undefined ? <Matching form={form} /> : null}
    </SpaceBetween>
  );
}

/** How many nodes match at this moment. */
function Matching({ form }: { readonly form: TargetsForm }) {
  const settled = useDeferredValue(form);
  const filters: NodeFilter[] =
    settled.by === "all"
      ? []
      : toTargets(settled).map(({ Key, Values }) => ({ Key: Key === "InstanceIds" ? "NodeId" : Key, Values }));
  const answer = useCall(listNodeSummaries, { MaxResults: 1, ...(filters.length === 0 ? {} : { Filters: filters }) });
  if (answer.error !== null) return <CallFailure error={answer.error} onRetry={answer.refetch} />;
  if (answer.data === undefined) return <Box color="text-status-inactive">Counting nodes</Box>;
  const total = answer.data.Total;
  return (
    <Box color={total === 0 ? "text-status-error" : "text-status-inactive"}>
      {total === 0
        ? "No node matches at this moment"
        : `${total.toLocaleString()} ${total === 1 ? "node matches" : "nodes match"} at this moment`}
    </Box>
  );
}
