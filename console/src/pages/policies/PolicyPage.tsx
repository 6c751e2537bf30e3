// One patch policy: how its deployment went, what it runs and when, on which nodes, by which baselines, in which rings.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Table from "@cloudscape-design/components/table";

import { pollWithoutEvents } from "../../api/events";
import { listAssociations } from "../../api/associations";
import {
  deleteManager,
  deploymentOf,
  findRings,
  getManager,
  isBusy,
  listConfigurations,
  policyOf,
} from "../../api/quickSetup";
import type { Configuration, Definition, Manager } from "../../api/quickSetup";
import type { RolloutPlan, RolloutRing } from "../../api/rollouts";
import { useAction, useCall, useLastLook } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Link } from "../../components/Link";
import { Missing } from "../../components/Missing";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { fromPolicy, scopeText } from "../../logic/policy";
import type { PolicyForm } from "../../logic/policy";
import { gatesInWords, ringNodes } from "../../logic/rollout";

const POLL_MS = 2000;

export default function PolicyPage({ params }: PageProps) {
  const arn = params["arn"] ?? "";
  const answer = useCall(
    getManager,
    { ManagerArn: arn },
    { poll: (manager) => (manager !== undefined && isBusy(manager) ? (pollWithoutEvents(POLL_MS) ?? false) : false) },
  );
  return (
    <Answer of={answer} what="the patch policy">
      {(manager) => {
        const definition = policyOf(manager);
        return definition === undefined ? (
          <Missing what={`The patch policy ${arn}`} list={href("/policies")} />
        ) : (
          <Shown manager={manager} definition={definition} />
        );
      }}
    </Answer>
  );
}

function Shown({ manager, definition }: { readonly manager: Manager; readonly definition: Definition }) {
  const arn = manager.ManagerArn;
  const form = fromPolicy(manager, definition.Parameters, undefined);
  const deployment = deploymentOf(manager);
  // What it runs is there once it is deployed.
  useLastLook(!isBusy(manager), listConfigurations);
  useLastLook(!isBusy(manager), listAssociations);
  const remove = useAction(deleteManager, {
    done: () => `${form.name} is being deleted.`,
    onDone: () => go(href("/policies")),
  });
  return (
    <DetailPage
      title={form.name}
      id={arn}
      requests={[
        { service: "ssm-quicksetup", operation: "GetConfigurationManager", input: { ManagerArn: arn } },
        {
          service: "fettle",
          operation: "GetPatchPolicyRollout",
          input: { ManagerArn: arn, DefinitionId: definition.Id ?? "" },
        },
      ]}
      actions={
        <>
          <Button disabled={isBusy(manager)} href={href(`/policies/${part(arn)}/edit`)}>
            Edit
          </Button>
          <Confirm
            label="Delete"
            title={`Delete ${form.name}?`}
            disabled={isBusy(manager)}
            onConfirm={() => remove.mutate({ ManagerArn: arn })}
          >
            Its associations are deleted with it: its nodes are neither scanned nor patched by it any more. What has
            been installed stays.
          </Confirm>
        </>
      }
    >
      {deployment?.Status === "FAILED" ? (
        <Alert type="error" header="The deployment failed">
          {deployment.StatusMessage ?? "The server did not say why."}
        </Alert>
      ) : null}
      <Overview manager={manager} form={form} />
      <Baselines form={form} />
      <Rings arn={arn} definition={definition} installs={form.operation === "ScanAndInstall"} />
      <Deployments arn={arn} installs={form.operation === "ScanAndInstall"} />
    </DetailPage>
  );
}

function Overview({ manager, form }: { readonly manager: Manager; readonly form: PolicyForm }) {
  const runs = manager.StatusSummaries?.find((summary) => summary.StatusType === "AsyncExecutions");
  const installs = form.operation === "ScanAndInstall";
  return (
    <Container header={<Header variant="h2">Patch policy</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Deployment", value: <Status status={deploymentOf(manager)?.Status} /> },
          {
            label: "Last runs",
            value: runs === undefined || runs.Status === "NONE" ? "none yet" : <Status status={runs.Status} />,
          },
          { label: "Scans", value: times(form.scan, form.scanWaits) },
          { label: "Installs", value: installs ? times(form.install, form.installWaits) : "never" },
          { label: "Targets", value: scopeText(form) },
          { label: "Regions", value: form.regions === "" ? "this one" : form.regions },
          { label: "At the same time", value: form.concurrency || "10%" },
          { label: "Error threshold", value: form.errors || "2%" },
          {
            label: "Restart",
            value: installs ? (form.reboot === "NoReboot" ? "no" : "nodes that need it") : "–",
          },
          { label: "Created", value: <Time at={dateOf(manager.CreatedAt)} /> },
          { label: "Changed", value: <Time at={dateOf(manager.LastModifiedAt)} /> },
          { label: "Description", value: form.description || "–" },
        ]}
      />
    </Container>
  );
}

function times(schedule: string, waits: boolean): string {
  return waits ? `${schedule}, and not before` : `${schedule}, and when it is changed`;
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}

function Baselines({ form }: { readonly form: PolicyForm }) {
  return (
    <Table
      items={[...form.baselines]}
      trackBy="system"
      header={
        <Header variant="h2" description="Nodes of other operating systems are passed over">
          Patch baselines
        </Header>
      }
      columnDefinitions={[
        { id: "system", header: "Operating system", cell: ({ system }) => system, isRowHeader: true },
        {
          id: "baseline",
          header: "Patch baseline",
          cell: ({ id, label }) => <Link to={href(`/baselines/${part(id)}`)}>{label === "" ? id : label}</Link>,
        },
      ]}
      empty={<Box textAlign="center">The policy names no baseline.</Box>}
    />
  );
}

interface RingsProps {
  readonly arn: string;
  readonly definition: Definition;
  readonly installs: boolean;
}

function Rings({ arn, definition, installs }: RingsProps) {
  const answer = useCall(findRings, { ManagerArn: arn, DefinitionId: definition.Id ?? "" });
  return (
    <Answer of={answer} what="the rings">
      {({ Plan: plan }) =>
        plan === undefined ? (
          <Container header={<Header variant="h2">Rings</Header>}>
            <Box color="text-body-secondary">
              {installs ? "None: an installation goes to all of its nodes by the rate alone." : "None: it only scans."}
            </Box>
          </Container>
        ) : (
          <RingTable plan={plan} />
        )
      }
    </Answer>
  );
}

function RingTable({ plan }: { readonly plan: RolloutPlan }) {
  const budgets = (plan.Budgets ?? []).map(({ TagKey, Limit }) => `${Limit} of each ${TagKey} at once`);
  const what = [
    plan.OnGateFailed === "Stop" ? "a gate that fails stops it" : "a gate that fails pauses it",
    ...budgets,
  ];
  return (
    <Table<RolloutRing>
      items={plan.Rings ?? []}
      trackBy="Name"
      wrapLines
      header={
        <Header
          variant="h2"
          description={`Each installation goes ring by ring: ${what.join("; ")}`}
          actions={<Button href={href("/rollouts")}>Rollouts</Button>}
        >
          Rings
        </Header>
      }
      columnDefinitions={[
        { id: "name", header: "Ring", cell: (ring) => ring.Name, isRowHeader: true },
        { id: "nodes", header: "Nodes", cell: ringNodes },
        { id: "rate", header: "At the same time", cell: (ring) => ring.MaxConcurrency ?? "as the policy" },
        { id: "soak", header: "Soaks", cell: (ring) => `${ring.SoakMinutes ?? 0} minutes` },
        {
          id: "gates",
          header: "Before the next ring",
          cell: (ring) => gatesInWords(ring.Gates, ring.RequireApproval === true).join("; "),
        },
      ]}
      empty={<Box textAlign="center">One ring of all nodes.</Box>}
    />
  );
}

function Deployments({ arn, installs }: { readonly arn: string; readonly installs: boolean }) {
  const answer = useCall(listConfigurations, { ManagerArn: arn });
  return (
    <Answer of={answer} what="the deployments">
      {(output) => (
        <Table<Configuration>
          items={output.ConfigurationsList ?? []}
          trackBy={(row) => row.Id ?? ""}
          wrapLines
          header={
            <Header variant="h2" description="What the policy runs in each region">
              Deployments
            </Header>
          }
          columnDefinitions={[
            { id: "region", header: "Region", cell: (row) => row.Region, isRowHeader: true },
            { id: "status", header: "Status", cell: (row) => <Status status={deploymentOf(row)?.Status} /> },
            { id: "message", header: "Message", cell: (row) => deploymentOf(row)?.StatusMessage ?? "–" },
            {
              id: "scan",
              header: "Scans",
              cell: (row) => <AssociationLink role="ScanForPatches" id={row.Id ?? ""} />,
            },
            {
              id: "install",
              header: "Installs",
              cell: (row) => (installs ? <AssociationLink role="InstallPatches" id={row.Id ?? ""} /> : "never"),
            },
          ]}
          empty={<Box textAlign="center">Nothing is deployed.</Box>}
        />
      )}
    </Answer>
  );
}

/** In this region: those of others are seen there. */
function AssociationLink({ role, id }: { readonly role: string; readonly id: string }) {
  const name = `AWS-QuickSetup-PatchPolicy-${role}-LA-${id}`;
  const answer = useCall(listAssociations, { AssociationFilterList: [{ key: "AssociationName", value: name }] });
  if (answer.error !== null) return <>{answer.error.message}</>;
  if (answer.data === undefined) return <>…</>;
  const association = answer.data.Associations?.[0];
  if (association === undefined) return <>not in this region</>;
  return (
    <>
      <Link to={href(`/associations/${part(association.AssociationId ?? "")}`)}>{`association and runs`}</Link>
      <div>
        last: <Time at={association.LastExecutionDate} short />
      </div>
    </>
  );
}
