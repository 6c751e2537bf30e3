// The versions of a parameter, newest first, with their labels, and what lies between any two of them.

import type { GetParameterHistoryRequest, ParameterHistory } from "@aws-sdk/client-ssm";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { getParameterHistory } from "../../api/parameters";
import type { WholeHistory } from "../../api/parameters";
import { useCall } from "../../api/use";
import { columnsOf } from "../../components/columns";
import { ServerTable } from "../../components/ServerTable";
import { changesOf, isSecret } from "../../logic/parameterVersions";
import { SecretValue } from "./SecretValue";
import { VersionDifference } from "./VersionDifference";
import { VersionLabels } from "./VersionLabels";

const { textColumn, timeColumn } = columnsOf<ParameterHistory>();

export function ParameterVersions({ name }: { readonly name: string }) {
  const input: GetParameterHistoryRequest = { Name: name };
  // The same answer that the table shows: a row alone cannot say what it changed.
  const versions = useCall(getParameterHistory, input).data?.Parameters ?? [];
  const [chosen, setChosen] = useState<readonly number[]>([]);
  const shown = versions.filter(({ Version = 0 }) => chosen.includes(Version));
  const [after, before] = shown;
  return (
    <SpaceBetween size="l">
      <ServerTable<GetParameterHistoryRequest, WholeHistory, ParameterHistory>
        id="parameter-versions"
        title="Versions"
        description="Choose two to see what lies between them. A hundred are kept; the next one drops the oldest"
        inside
        unpaged
        call={getParameterHistory}
        input={input}
        items={(output) => output.Parameters}
        total={(output) => output.Parameters.length}
        trackBy={(version) => String(version.Version)}
        selection={{
          items: shown,
          onChange: (items) => setChosen(items.slice(-2).map(({ Version = 0 }) => Version)),
        }}
        columns={[
          textColumn("version", "Version", (version) => version.Version, { minWidth: 90 }),
          textColumn("labels", "Labels", (version) => version.Labels?.join(" "), {
            cell: (version) => <VersionLabels name={name} version={version} versions={versions} />,
            minWidth: 200,
          }),
          textColumn("value", "Value", (version) => (isSecret(version) ? undefined : version.Value), {
            cell: (version) =>
              isSecret(version) ? (
                <SecretValue short name={`${name}:${version.Version ?? 1}`} />
              ) : (
                <span className="value">{version.Value}</span>
              ),
            minWidth: 240,
          }),
          textColumn("changed", "What it changed", (version) => changesOf(version, versions), { minWidth: 160 }),
          timeColumn("modified", "Modified", (version) => version.LastModifiedDate, { minWidth: 130 }),
          textColumn("by", "Modified by", (version) => version.LastModifiedUser, { minWidth: 200 }),
          textColumn("tier", "Tier", (version) => version.Tier, { hidden: true }),
          textColumn("data-type", "Data type", (version) => version.DataType, { hidden: true }),
          textColumn("description", "Description", (version) => version.Description || undefined, { hidden: true }),
          textColumn("pattern", "Allowed pattern", (version) => version.AllowedPattern || undefined, { hidden: true }),
        ]}
        empty="No versions."
      />
      {before !== undefined && after !== undefined ? <VersionDifference before={before} after={after} /> : null}
    </SpaceBetween>
  );
}
