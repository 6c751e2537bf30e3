// Chooses the nodes that something is for, and says how many that are.

import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Tiles from "@cloudscape-design/components/tiles";

import type { NodeFilter } from "../api/fleet";
import { targetsProblem, toTargets } from "../logic/targets";
import type { TargetsForm } from "../logic/targets";
import { NodesMatching } from "./NodesMatching";
import { ResourceGroupField } from "./ResourceGroupField";

interface Props {
  readonly form: TargetsForm;
  readonly onChange: (form: TargetsForm) => void;
  readonly showProblem: boolean;
  /** Those that can be chosen: all of them, where it is not said. */
  readonly kinds?: readonly TargetsForm["by"][] | undefined;
}

const KINDS: readonly { readonly value: TargetsForm["by"]; readonly label: string; readonly description: string }[] = [
  { value: "nodes", label: "Nodes", description: "By their ids" },
  { value: "tag", label: "Tag", description: "Nodes that have it when it runs" },
  { value: "group", label: "Patch group", description: "The tag PatchGroup" },
  { value: "resource-group", label: "Resource group", description: "Its members when it runs" },
  { value: "all", label: "All nodes", description: "Of this account and region" },
];

export function TargetsEditor({ form, onChange, showProblem, kinds }: Props) {
  const problem = targetsProblem(form);
  const error = showProblem ? problem : undefined;
  const set = (change: Partial<TargetsForm>): void => onChange({ ...form, ...change });
  return (
    <SpaceBetween size="m">
      <Tiles
        ariaLabel="Targets"
        columns={3}
        value={form.by}
        items={KINDS.filter(({ value }) => kinds === undefined || kinds.includes(value))}
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
      {form.by === "resource-group" ? (
        <ResourceGroupField
          name={form.resourceGroup}
          error={error}
          onChange={(resourceGroup) => set({ resourceGroup })}
        />
      ) : problem === undefined ? (
        <NodesMatching filters={filtersOf(form)} />
      ) : null}
    </SpaceBetween>
  );
}

function filtersOf(form: TargetsForm): NodeFilter[] {
  if (form.by === "all") return [];
  return toTargets(form).map(({ Key, Values }) => ({ Key: Key === "InstanceIds" ? "NodeId" : Key, Values }));
}
