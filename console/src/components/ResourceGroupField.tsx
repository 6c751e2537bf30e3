// Names a resource group, one that is there or any other, and says how many nodes are in it.

import Autosuggest from "@cloudscape-design/components/autosuggest";
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";

import { findGroupQuery, listGroupResources, listGroups } from "../api/groups";
import { useCall } from "../api/use";
import { useSettled } from "../app/settled";
import { nodeFilters, readQuery } from "../logic/group";
import { CallFailure } from "./CallFailure";
import { NodesMatching } from "./NodesMatching";

interface Props {
  readonly name: string;
  readonly error: string | undefined;
  readonly onChange: (name: string) => void;
}

/** Offered to choose from; any other can be typed. */
const SHOWN = 50;
const SETTLE_MS = 300;

export function ResourceGroupField({ name, error, onChange }: Props) {
  const { data, error: failure, isPending } = useCall(listGroups, { MaxResults: SHOWN });
  const { value: settled } = useSettled(name.trim(), name.trim(), SETTLE_MS);
  const groups = data?.GroupIdentifiers ?? [];
  return (
    <>
      <FormField label="Name of the resource group" errorText={error ?? failure?.message}>
        <Autosuggest
          value={name}
          placeholder="web-prod"
          enteredTextLabel={(value) => `The resource group ${value}`}
          statusType={isPending ? "loading" : "finished"}
          loadingText="Loading resource groups"
          empty="There are no resource groups"
          options={groups.map((group) => ({
            value: group.GroupName,
            ...(group.Description ? { description: group.Description } : {}),
          }))}
          onChange={({ detail }) => onChange(detail.value)}
        />
      </FormField>
      {settled === "" ? null : <MembersNow name={settled} />}
    </>
  );
}

/** By its query, or how many its list has. */
function MembersNow({ name }: { readonly name: string }) {
  const { data, error, refetch } = useCall(findGroupQuery, { Group: name });
  if (error?.kind === "missing") return <Box color="text-status-error">There is no resource group {name}</Box>;
  if (error !== null && data === undefined) return <CallFailure error={error} onRetry={refetch} />;
  if (data === undefined) return <Box color="text-status-inactive">Counting nodes</Box>;
  if (data.ResourceQuery === undefined) return <Listed name={name} />;
  return <NodesMatching filters={nodeFilters(readQuery(data.ResourceQuery))} />;
}

function Listed({ name }: { readonly name: string }) {
  const { data, error, refetch } = useCall(listGroupResources, { Group: name, MaxResults: SHOWN });
  if (error !== null && data === undefined) return <CallFailure error={error} onRetry={refetch} />;
  if (data === undefined) return <Box color="text-status-inactive">Counting nodes</Box>;
  const count = data.Resources?.length ?? 0;
  const more = data.NextToken === undefined || data.NextToken === "" ? "" : " or more";
  return (
    <Box color={count === 0 ? "text-status-error" : "text-status-inactive"}>
      {count === 0
        ? "No node is on the list of this group"
        : `${count}${more} ${count === 1 ? "node is" : "nodes are"} on the list of this group`}
    </Box>
  );
}
