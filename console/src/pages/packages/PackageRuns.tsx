// The commands that installed or removed a package. Which nodes have it, the nodes know: what was told of each run is in its output.

import type { Command } from "@aws-sdk/client-ssm";

import { listCommands } from "../../api/commands";
import { href, part } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { ServerTable } from "../../components/ServerTable";
import { Targets } from "../../components/Targets";
import { CONFIGURE } from "../../logic/package";
import { targetsText } from "../../logic/targets";

/** Of any package: the list cannot be asked for one of them. */
const LOOKED_THROUGH = 50;
const { nameColumn, statusColumn, textColumn, timeColumn } = columnsOf<Command>();

function targetsOf({ Targets: targets = [], InstanceIds: nodes = [] }: Command) {
  return nodes.length > 0 ? [{ Key: "InstanceIds", Values: nodes }] : targets;
}

export function PackageRuns({ name }: { readonly name: string }) {
  return (
    <ServerTable
      id="package-runs"
      title="Installations and removals"
      description={`Those of this package among ${LOOKED_THROUGH} commands of ${CONFIGURE} on each page, the newest first. Each node's output says what it has now`}
      inside
      call={listCommands}
      input={{ Filters: [{ key: "DocumentName" as const, value: CONFIGURE }] }}
      pageSize={LOOKED_THROUGH}
      items={(output) => output.Commands?.filter(({ Parameters }) => Parameters?.["name"]?.[0] === name)}
      trackBy={(command) => command.CommandId ?? ""}
      columns={[
        nameColumn(
          "Action",
          (command) => command.Parameters?.["action"]?.[0],
          (command) => href(`/commands/${part(command.CommandId ?? "")}`),
          { minWidth: 120 },
        ),
        textColumn("version", "Version", (command) => command.Parameters?.["version"]?.[0] || "default"),
        statusColumn((command) => command.Status),
        {
          id: "targets",
          header: "Nodes",
          cell: (command) => <Targets of={targetsOf(command)} />,
          text: (command) => targetsText(targetsOf(command)),
          minWidth: 180,
        },
        timeColumn("requested", "Requested", (command) => command.RequestedDateTime),
      ]}
      empty="No command on this page installed or removed it."
    />
  );
}
