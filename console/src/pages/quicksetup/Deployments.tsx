// Where a configuration is deployed, and the associations that keep it in place there.

import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";

import { listAssociations } from "../../api/associations";
import { pollWithoutEvents } from "../../api/events";
import { deploymentOf, listConfigurations, runsOf } from "../../api/quickSetup";
import type { Configuration } from "../../api/quickSetup";
import { useCall } from "../../api/use";
import { href, part } from "../../app/place";
import { Answer } from "../../components/Answer";
import { Link } from "../../components/Link";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import type { Kind } from "../../logic/quickSetup";

const POLL = { poll: (): number | false => pollWithoutEvents(5000) ?? false };

export interface Work {
  /** As the server names it. */
  readonly role: string;
  readonly header: string;
  /** The name of its association; nothing where the configuration does not ask for it. */
  readonly association: ((id: string) => string) | undefined;
}

interface Props {
  readonly kind: Kind;
  readonly arn: string;
  readonly work: readonly Work[];
}

export function Deployments({ kind, arn, work }: Props) {
  const answer = useCall(listConfigurations, { ManagerArn: arn }, POLL);
  return (
    <Answer of={answer} what="the deployments">
      {(output) => (
        <Table<Configuration>
          items={(output.ConfigurationsList ?? []).filter(({ Type }) => Type === kind.type)}
          trackBy={(row) => row.Id ?? ""}
          wrapLines
          header={
            <Header variant="h2" description="What runs in each region, and what came of it last">
              Deployments
            </Header>
          }
          columnDefinitions={[
            { id: "region", header: "Region", cell: (row) => row.Region, isRowHeader: true },
            { id: "status", header: "Status", cell: (row) => <Status status={deploymentOf(row)?.Status} /> },
            { id: "message", header: "Message", cell: (row) => deploymentOf(row)?.StatusMessage ?? "–" },
            ...work.map(({ role, header, association }) => ({
              id: role,
              header,
              cell: (row: Configuration) =>
                association === undefined ? (
                  "never"
                ) : (
                  <AssociationLink name={association(row.Id ?? "")} status={runsOf(row)?.StatusDetails?.[role]} />
                ),
            })),
          ]}
          empty={<Box textAlign="center">Nothing is deployed.</Box>}
        />
      )}
    </Answer>
  );
}

/** In this region: those of others are seen there. */
function AssociationLink({ name, status }: { readonly name: string; readonly status: string | undefined }) {
  const answer = useCall(listAssociations, { AssociationFilterList: [{ key: "AssociationName", value: name }] }, POLL);
  if (answer.error !== null) return <>{answer.error.message}</>;
  if (answer.data === undefined) return <>…</>;
  const association = answer.data.Associations?.[0];
  if (association === undefined) return <>not in this region</>;
  return (
    <>
      {status === undefined ? null : <Status status={status} />}
      <div>
        <Link to={href(`/associations/${part(association.AssociationId ?? "")}`)}>association and runs</Link>
      </div>
      <div>
        last: <Time at={association.LastExecutionDate} short />
      </div>
    </>
  );
}
