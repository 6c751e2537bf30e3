// The versions of an association, newest first, and what lies between any two of them.

import type { AssociationVersionInfo } from "@aws-sdk/client-ssm";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { listAssociationVersions } from "../../api/associations";
import { useCall } from "../../api/use";
import { columnsOf } from "../../components/columns";
import { DifferenceTable } from "../../components/DifferenceTable";
import { ServerTable } from "../../components/ServerTable";
import { Targets } from "../../components/Targets";
import { associationChanges, associationDifferences } from "../../logic/associationVersions";
import { scheduleText } from "../../logic/schedule";
import { targetsText } from "../../logic/targets";

const PAGE = 20;
const { textColumn, timeColumn } = columnsOf<AssociationVersionInfo>();

function numberOf(version: AssociationVersionInfo): number {
  return Number(version.AssociationVersion ?? "0");
}

export function AssociationVersions({ id }: { readonly id: string }) {
  const input = { AssociationId: id };
  // The same answer that the table shows first: a row alone cannot say what it changed.
  const newest = useCall(listAssociationVersions, { ...input, MaxResults: PAGE }).data?.AssociationVersions ?? [];
  const [chosen, setChosen] = useState<readonly AssociationVersionInfo[]>([]);
  const [before, after] = [...chosen].sort((one, other) => numberOf(one) - numberOf(other));
  return (
    <SpaceBetween size="l">
      <ServerTable
        id="association-versions"
        title="Versions"
        description="Choose two to see what lies between them"
        inside
        call={listAssociationVersions}
        input={input}
        pageSize={PAGE}
        items={(output) => output.AssociationVersions}
        trackBy={(version) => version.AssociationVersion ?? ""}
        selection={{ items: chosen, onChange: (items) => setChosen(items.slice(-2)) }}
        columns={[
          textColumn("version", "Version", (version) => version.AssociationVersion, { minWidth: 90 }),
          textColumn("changed", "What it changed", (version) => associationChanges(version, newest), {
            minWidth: 180,
          }),
          textColumn("document", "Document", (version) => version.Name, { minWidth: 180 }),
          textColumn("targets", "Targets", (version) => targetsText(version.Targets) || undefined, {
            cell: (version) => <Targets of={version.Targets} />,
            minWidth: 180,
          }),
          textColumn("schedule", "Schedule", (version) => scheduleText(version.ScheduleExpression)),
          timeColumn("created", "Created", (version) => version.CreatedDate, { minWidth: 130 }),
          textColumn("name", "Name", (version) => version.AssociationName, { hidden: true }),
        ]}
        empty="No versions."
      />
      {before !== undefined && after !== undefined ? (
        <DifferenceTable
          rows={associationDifferences(before, after)}
          before={before.AssociationVersion ?? ""}
          after={after.AssociationVersion ?? ""}
          empty="They are the same."
        />
      ) : null}
    </SpaceBetween>
  );
}
