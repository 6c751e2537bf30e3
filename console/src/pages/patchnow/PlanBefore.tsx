// What an installation would change on each named node: asked of the nodes themselves before it starts.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";

import { getPatchPlan, startPatchPlan } from "../../api/explain";
import type { PatchPlan } from "../../api/explain";
import { useAction, useCall } from "../../api/use";
import { CallFailure } from "../../components/CallFailure";
import { useNodeName } from "../../components/NodeName";
import { Status } from "../../components/Status";
import { isUnderWay } from "../../logic/status";

export function PlanBefore({ nodes }: { readonly nodes: readonly string[] }) {
  const [plan, setPlan] = useState<string>();
  const start = useAction(startPatchPlan, { onDone: (output) => setPlan(output.PlanId) });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="The nodes say themselves what would come, go and restart"
          actions={
            <Button loading={start.isPending} onClick={() => start.mutate({ InstanceIds: [...nodes] })}>
              Make a plan
            </Button>
          }
        >
          Plan
        </Header>
      }
    >
      {plan === undefined ? (
        <Box color="text-status-inactive">No plan has been made for this order.</Box>
      ) : (
        <SpaceBetween size="s">
          {nodes.map((node) => (
            <NodePlan key={`${plan} ${node}`} node={node} plan={plan} />
          ))}
        </SpaceBetween>
      )}
    </Container>
  );
}

const POLL_MS = 1500;

function NodePlan({ node, plan }: { readonly node: string; readonly plan: string }) {
  const name = useNodeName(node);
  const answer = useCall(
    getPatchPlan,
    { InstanceId: node, PlanId: plan },
    { poll: (data) => (data === undefined || (data.Plan === undefined && isUnderWay(data.Status)) ? POLL_MS : false) },
  );
  if (answer.error !== null) return <CallFailure error={answer.error} onRetry={answer.refetch} />;
  const made = answer.data?.Plan;
  return (
    <ExpandableSection
      headerText={name}
      headerDescription={
        made === undefined
          ? ""
          : `${made.Changes.length === 1 ? "1 change" : `${made.Changes.length} changes`}${made.RebootExpected ? ", a restart is expected" : ""}`
      }
      defaultExpanded
    >
      {made === undefined ? (
        <Status status={answer.data?.Status ?? "Pending"} text={answer.data?.StatusDetails ?? "Asked"} />
      ) : (
        <Made plan={made} />
      )}
    </ExpandableSection>
  );
}

function Made({ plan }: { readonly plan: PatchPlan }) {
  return (
    <SpaceBetween size="s">
      {plan.Blockers.map((blocker) => (
        <Alert key={`${blocker.Code} ${blocker.Subject ?? ""}`} type="error" header={blocker.Code}>
          {blocker.Detail}
        </Alert>
      ))}
      <Table
        variant="embedded"
        sortingDisabled
        items={[...plan.Changes]}
        ariaLabels={{ tableLabel: "Changes" }}
        columnDefinitions={[
          { id: "name", header: "Package", isRowHeader: true, cell: (change) => `${change.Name}.${change.Arch}` },
          { id: "action", header: "Action", cell: (change) => (change.Action ?? "").toLowerCase() },
          { id: "from", header: "From", cell: (change) => change.FromVersion ?? "–" },
          { id: "to", header: "To", cell: (change) => change.ToVersion ?? "–" },
          {
            id: "why",
            header: "Because",
            cell: (change) => (change.Reason === "WANTED" ? "the baseline approves it" : "another needs it"),
          },
        ]}
        empty={<Box textAlign="center">Nothing would change.</Box>}
      />
      {plan.Refused.map((refused) => (
        <Box key={`${refused.Name} ${refused.Version}`}>
          {refused.Name} {refused.Version} cannot be had: {refused.Failure.Detail}
        </Box>
      ))}
      {plan.ServicesToRestart.length === 0 ? null : (
        <Box>Services that would run replaced files: {plan.ServicesToRestart.join(", ")}</Box>
      )}
      {plan.RebootReasons.map((reason) => (
        <Box key={reason.Package}>
          Restart: {reason.Package}, {reason.Reason}
        </Box>
      ))}
    </SpaceBetween>
  );
}
