// The list of the configurations of one type: columns that all types have, around those of its own.

import { pollWithoutEvents } from "../../api/events";
import { deploymentOf, listManagers, runsOf } from "../../api/quickSetup";
import type { ManagerSummary, Parameters } from "../../api/quickSetup";
import { href } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { ListPage } from "../../components/ListPage";
import type { Column } from "../../components/ServerTable";
import { pageOf } from "../../logic/quickSetup";
import type { Kind } from "../../logic/quickSetup";
import { LastRuns } from "./managerFacts";

const POLL_MS = 5000;
const { nameColumn, statusColumn, textColumn } = columnsOf<ManagerSummary>();

/** The parameters that lists are told, of the definition of a type. */
export function shownParameters(manager: ManagerSummary, { type }: Kind): Parameters {
  const definition = manager.ConfigurationDefinitionSummaries?.find(({ Type }) => Type === type);
  return definition?.FirstClassParameters ?? {};
}

interface Props {
  readonly kind: Kind;
  /** Under which the browser keeps the choice of columns. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Above the first column. */
  readonly header: string;
  readonly nameOf: (manager: ManagerSummary) => string | undefined;
  readonly columns: readonly Column<ManagerSummary>[];
  readonly empty: string;
}

export function ManagerList({ kind, name, title, description, header, nameOf, columns, empty }: Props) {
  const poll = pollWithoutEvents(POLL_MS);
  return (
    <ListPage
      name={name}
      title={title}
      description={description}
      call={listManagers}
      input={{ Filters: [{ Key: "Configuration Type", Values: [kind.type] }] }}
      unpaged
      items={(output) => output.ConfigurationManagersList}
      trackBy={(manager) => manager.ManagerArn}
      {...(poll === undefined ? {} : { poll })}
      add={{ label: `Create ${kind.what}`, to: href(`${kind.path}/create`) }}
      columns={[
        nameColumn(header, nameOf, (manager) => pageOf(kind, manager.ManagerArn)),
        statusColumn((manager) => deploymentOf(manager)?.Status, { id: "deployment", header: "Deployment" }),
        {
          ...textColumn("runs", "Last runs", (manager) => runsOf(manager)?.Status),
          cell: (manager) => <LastRuns of={manager} />,
        },
        ...columns,
        textColumn("regions", "Regions", (manager) => shownParameters(manager, kind)["TargetRegions"], {
          hidden: true,
        }),
        textColumn("arn", "ARN", (manager) => manager.ManagerArn, { hidden: true }),
      ]}
      empty={empty}
    />
  );
}
