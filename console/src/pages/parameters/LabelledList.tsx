// The versions that have a label, below a path: GetParametersByPath knows labels, and shows values.

import type { Parameter } from "@aws-sdk/client-ssm";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";

import { getParametersByPath, MOST_BY_PATH } from "../../api/parameters";
import { columnsOf } from "../../components/columns";
import { ServerTable } from "../../components/ServerTable";
import { labelledRequest } from "../../logic/parameterFilters";
import { isSecret } from "../../logic/parameterVersions";
import { pageOfParameter } from "./ParameterList";
import type { ListProps } from "./ParameterList";

const { nameColumn, textColumn, timeColumn } = columnsOf<Parameter>();

/** Undecrypted there is nothing to see of a secret. */
function value(parameter: Parameter): string | undefined {
  return isSecret(parameter) ? undefined : parameter.Value;
}

const COLUMNS = [
  nameColumn(
    "Name",
    (parameter) => parameter.Name,
    (parameter) => pageOfParameter(parameter.Name),
    { minWidth: 220 },
  ),
  textColumn("version", "Version", (parameter) => parameter.Version, { minWidth: 90 }),
  textColumn("value", "Value", value, {
    cell: (parameter) =>
      isSecret(parameter) ? (
        <Box color="text-status-inactive">hidden</Box>
      ) : (
        <span className="value">{parameter.Value}</span>
      ),
    minWidth: 220,
  }),
  textColumn("type", "Type", (parameter) => parameter.Type),
  textColumn("data-type", "Data type", (parameter) => parameter.DataType, { hidden: true }),
  timeColumn("modified", "Last modified", (parameter) => parameter.LastModifiedDate),
  textColumn("arn", "ARN", (parameter) => parameter.ARN, { hidden: true, minWidth: 240 }),
];

export function LabelledList({ tokens, filter, onClear }: ListProps) {
  return (
    <ServerTable
      id="parameters-labelled"
      title="Labelled versions"
      description="Beside a label, a path, types and keys can be asked for"
      call={getParametersByPath}
      input={labelledRequest(tokens)}
      items={(output) => output.Parameters}
      trackBy={(parameter) => parameter.Name ?? ""}
      columns={COLUMNS}
      pageSize={MOST_BY_PATH}
      filter={filter}
      empty={
        <>
          <Box variant="p">No version below this path has this label.</Box>
          <Button onClick={onClear}>Clear the filter</Button>
        </>
      }
    />
  );
}
