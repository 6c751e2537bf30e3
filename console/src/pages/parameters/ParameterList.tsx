// The list of parameters: what there is to know of them beside their values.

import type { ParameterMetadata } from "@aws-sdk/client-ssm";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";
import type { ReactNode } from "react";

import { describeParameters } from "../../api/parameters";
import { href, part } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { SavedViews } from "../../components/SavedViews";
import { ServerTable } from "../../components/ServerTable";
import { parameterQuery, parametersRequest } from "../../logic/parameterFilters";
import type { ParameterToken } from "../../logic/parameterFilters";
import { policyWords } from "../../logic/parameterPolicies";
import { DeleteParameters } from "./DeleteParameters";

export interface ListProps {
  readonly tokens: readonly ParameterToken[];
  readonly filter: ReactNode;
  readonly onClear: () => void;
}

export function pageOfParameter(name: string | undefined): string {
  return href(`/parameters/${part(name ?? "")}`);
}

const { nameColumn, textColumn, timeColumn } = columnsOf<ParameterMetadata>();

function policies(parameter: ParameterMetadata): string {
  return (parameter.Policies ?? []).map(({ PolicyText }) => policyWords(PolicyText)).join("; ");
}

const COLUMNS = [
  nameColumn(
    "Name",
    (parameter) => parameter.Name,
    (parameter) => pageOfParameter(parameter.Name),
    { minWidth: 220 },
  ),
  textColumn("type", "Type", (parameter) => parameter.Type),
  textColumn("tier", "Tier", (parameter) => parameter.Tier),
  textColumn("version", "Version", (parameter) => parameter.Version, { minWidth: 90 }),
  textColumn("data-type", "Data type", (parameter) => parameter.DataType),
  textColumn("description", "Description", (parameter) => parameter.Description || undefined, { minWidth: 160 }),
  timeColumn("modified", "Last modified", (parameter) => parameter.LastModifiedDate, { minWidth: 130 }),
  textColumn("policies", "Policies", (parameter) => policies(parameter) || undefined, { minWidth: 200, hidden: true }),
  textColumn("modified-by", "Modified by", (parameter) => parameter.LastModifiedUser, { hidden: true }),
  textColumn("pattern", "Allowed pattern", (parameter) => parameter.AllowedPattern || undefined, { hidden: true }),
  textColumn("key", "Key id", (parameter) => parameter.KeyId, { hidden: true }),
  textColumn("arn", "ARN", (parameter) => parameter.ARN, { hidden: true, minWidth: 240 }),
];

export function ParameterList({ tokens, filter, onClear }: ListProps) {
  const [selected, setSelected] = useState<readonly ParameterMetadata[]>([]);
  const query = parameterQuery(tokens, new URLSearchParams()).toString();
  return (
    <ServerTable
      id="parameters"
      title="Parameters"
      call={describeParameters}
      input={parametersRequest(tokens)}
      items={(output) => output.Parameters}
      trackBy={(parameter) => parameter.Name ?? ""}
      columns={COLUMNS}
      selection={{ items: selected, onChange: setSelected }}
      filter={filter}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <SavedViews path="/parameters" address={query === "" ? "/parameters" : `/parameters?${query}`} />
          <DeleteParameters
            names={selected.map(({ Name = "" }) => Name)}
            disabled={selected.length === 0}
            onDone={() => setSelected([])}
          />
          <Button variant="primary" href={href("/create/parameter")}>
            Create parameter
          </Button>
        </SpaceBetween>
      }
      empty={
        tokens.length === 0 ? (
          "There are no parameters. One keeps a setting or a secret under a name that commands refer to."
        ) : (
          <>
            <Box variant="p">No parameter matches this filter.</Box>
            <Button onClick={onClear}>Clear the filter</Button>
          </>
        )
      }
    />
  );
}
