// One configuration of host management: how its deployment went, what it does how often, on which nodes.

import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";

import type { Definition, Manager } from "../../api/quickSetup";
import { href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Link } from "../../components/Link";
import { CHORES, fromHosts } from "../../logic/hostManagement";
import { HOSTS } from "../../logic/quickSetup";
import { Deployments } from "../quicksetup/Deployments";
import { ManagerDetail } from "../quicksetup/ManagerDetail";
import { historyFacts, scopeFacts, standingFacts } from "../quicksetup/managerFacts";
import { OneManager } from "../quicksetup/OneManager";

export default function HostPage({ params }: PageProps) {
  return (
    <OneManager kind={HOSTS} arn={params["arn"] ?? ""} follow>
      {(manager, definition) => <Shown manager={manager} definition={definition} />}
    </OneManager>
  );
}

function Shown({ manager, definition }: { readonly manager: Manager; readonly definition: Definition }) {
  const form = fromHosts(manager, definition.Parameters);
  const isWanted = (parameter: string): boolean => form.wanted.includes(parameter);
  return (
    <ManagerDetail
      kind={HOSTS}
      manager={manager}
      title={form.name === "" ? "Host management" : form.name}
      loss="Its associations are deleted with it: nothing updates, inventories or scans its nodes by it any more. What has been reported stays."
    >
      <Container header={<Header variant="h2">Host management</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            ...standingFacts(manager),
            ...scopeFacts(form),
            ...CHORES.map(({ parameter, label, often, document }) => ({
              label,
              value: isWanted(parameter) ? (
                <>
                  {often}, by <Link to={href(`/documents/${part(document)}`)}>{document}</Link>
                </>
              ) : (
                "never"
              ),
            })),
            ...historyFacts(manager),
          ]}
        />
      </Container>
      <Deployments
        kind={HOSTS}
        arn={manager.ManagerArn}
        work={CHORES.map(({ parameter, role, label }) => ({
          role,
          header: label,
          association: isWanted(parameter) ? (id) => `AWS-QuickSetup-SSMHostMgmt-${role}-${id}` : undefined,
        }))}
      />
    </ManagerDetail>
  );
}
