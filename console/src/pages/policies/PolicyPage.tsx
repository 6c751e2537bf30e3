// One patch policy: how its deployment went, what it runs and when, on which nodes, by which baselines, in which rings.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Table from "@cloudscape-design/components/table";

import { findRings } from "../../api/quickSetup";
import type { Definition, DefinitionKey, Manager } from "../../api/quickSetup";
import type { RolloutPlan, RolloutRing } from "../../api/rollouts";
import { useCall } from "../../api/use";
import { href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Link } from "../../components/Link";
import { fromPolicy } from "../../logic/policy";
import type { PolicyForm } from "../../logic/policy";
import { POLICIES } from "../../logic/quickSetup";
import { gatesInWords, ringNodes } from "../../logic/rollout";
import { scheduleText } from "../../logic/schedule";
import { Deployments } from "../quicksetup/Deployments";
import { ManagerDetail } from "../quicksetup/ManagerDetail";
import { historyFacts, scopeFacts, standingFacts } from "../quicksetup/managerFacts";
import { OneManager } from "../quicksetup/OneManager";

export default function PolicyPage({ params }: PageProps) {
  return (
    <OneManager kind={POLICIES} arn={params["arn"] ?? ""} follow>
      {(manager, definition) => <Shown manager={manager} definition={definition} />}
    </OneManager>
  );
}

function Shown({ manager, definition }: { readonly manager: Manager; readonly definition: Definition }) {
  const key = { ManagerArn: manager.ManagerArn, DefinitionId: definition.Id ?? "" };
  const form = fromPolicy(manager, definition.Parameters, undefined);
  const installs = form.operation === "ScanAndInstall";
  return (
    <ManagerDetail
      kind={POLICIES}
      manager={manager}
      title={form.name}
      requests={[{ service: "fettle", operation: "GetPatchPolicyRollout", input: key }]}
      loss="Its associations are deleted with it: its nodes are neither scanned nor patched by it any more. What has been installed stays."
    >
      <Overview manager={manager} form={form} />
      <Baselines form={form} />
      <Rings of={key} installs={installs} />
      <Deployments
        kind={POLICIES}
        arn={manager.ManagerArn}
        work={[
          { role: "ScanForPatches", header: "Scans", association: associationOf("ScanForPatches") },
          {
            role: "InstallPatches",
            header: "Installs",
            association: installs ? associationOf("InstallPatches") : undefined,
          },
        ]}
      />
    </ManagerDetail>
  );
}

function associationOf(role: string): (id: string) => string {
  return (id) => `AWS-QuickSetup-PatchPolicy-${role}-LA-${id}`;
}

function Overview({ manager, form }: { readonly manager: Manager; readonly form: PolicyForm }) {
  const installs = form.operation === "ScanAndInstall";
  return (
    <Container header={<Header variant="h2">Patch policy</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          ...standingFacts(manager),
          { label: "Scans", value: times(form.scan, form.scanWaits) },
          { label: "Installs", value: installs ? times(form.install, form.installWaits) : "never" },
          ...scopeFacts(form),
          { label: "At the same time", value: form.concurrency || "10%" },
          { label: "Error threshold", value: form.errors || "2%" },
          {
            label: "Restart",
            value: installs ? (form.reboot === "NoReboot" ? "no" : "nodes that need it") : "–",
          },
          ...historyFacts(manager),
        ]}
      />
    </Container>
  );
}

function times(schedule: string, waits: boolean): string {
  const text = scheduleText(schedule);
  return waits ? `${text}, and not before` : `${text}, and when it is changed`;
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

function Rings({ of, installs }: { readonly of: DefinitionKey; readonly installs: boolean }) {
  const answer = useCall(findRings, of);
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
