// Who a node is, and its newest patch state in AWS's numbers.

import type { InstanceInformation } from "@aws-sdk/client-ssm";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { listNodeSummaries } from "../../api/fleet";
import { describeInstancePatchStates } from "../../api/nodes";
import { useCall } from "../../api/use";
import { href, part } from "../../app/place";
import { Answer } from "../../components/Answer";
import { CountLabel } from "../../components/Count";
import { ItemCount } from "../../components/ItemCount";
import { Link } from "../../components/Link";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { shortBaselineId } from "../../logic/shortId";
import { wordOf } from "../../logic/status";
import { NodeRole } from "./NodeRole";

const COUNTS = [
  ["MissingCount", "Missing"],
  ["FailedCount", "Failed"],
  ["InstalledPendingRebootCount", "InstalledPendingReboot"],
  ["InstalledRejectedCount", "InstalledRejected"],
  ["InstalledCount", "Installed"],
  ["InstalledOtherCount", "InstalledOther"],
] as const;

export function NodeOverview({ node }: { readonly node: InstanceInformation }) {
  const id = node.InstanceId ?? "";
  const states = useCall(describeInstancePatchStates, { InstanceIds: [id] }, { poll: 20_000 });
  // Whether what was reported still counts is the server's to say.
  const summary = useCall(
    listNodeSummaries,
    { Filters: [{ Key: "NodeId", Values: [id] }], MaxResults: 1 },
    { poll: 20_000 },
  );
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">Node</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Ping status", value: <Status status={node.PingStatus} /> },
            { label: "Last ping", value: <Time at={node.LastPingDateTime} /> },
            { label: "Platform", value: `${node.PlatformName ?? "–"} ${node.PlatformVersion ?? ""}` },
            { label: "Agent version", value: node.AgentVersion ?? "–" },
            { label: "Computer name", value: node.ComputerName ?? "–" },
            { label: "IP address", value: node.IPAddress ?? "–" },
            { label: "Registered", value: <Time at={node.RegistrationDate} /> },
            {
              label: "Activation",
              value:
                node.ActivationId === undefined ? (
                  "–"
                ) : (
                  <Link to={href(`/activations/${part(node.ActivationId)}`)}>{node.ActivationId}</Link>
                ),
            },
            { label: "Role", value: <NodeRole id={id} role={node.IamRole ?? ""} /> },
          ]}
        />
      </Container>
      <Container header={<Header variant="h2">Patches</Header>}>
        <Answer of={states} what="patch state">
          {({ InstancePatchStates: found }) => {
            const state = found?.[0];
            return (
              <KeyValuePairs
                columns={4}
                items={[
                  {
                    label: "Compliance",
                    value: (
                      <Answer of={summary} what="compliance">
                        {({ Nodes: [row] }) => <Status status={row?.ComplianceStatus} />}
                      </Answer>
                    ),
                  },
                  {
                    label: "Last operation",
                    value: (
                      <>
                        {state?.Operation ?? ""} <Time at={state?.OperationEndTime} />
                      </>
                    ),
                  },
                  {
                    label: "Patch baseline",
                    value:
                      state?.BaselineId === undefined ? (
                        "–"
                      ) : (
                        <Link to={href(`/baselines/${part(state.BaselineId)}`)}>
                          {shortBaselineId(state.BaselineId)}
                        </Link>
                      ),
                  },
                  {
                    label: "Patch group",
                    value: state?.PatchGroup === undefined || state.PatchGroup === "" ? "none" : state.PatchGroup,
                  },
                  {
                    label: "Critical, not compliant",
                    value: <ItemCount id={id} count={state?.CriticalNonCompliantCount} severity="CRITICAL" />,
                  },
                  {
                    label: "Security, not compliant",
                    value: <ItemCount id={id} count={state?.SecurityNonCompliantCount} />,
                  },
                  { label: "Other, not compliant", value: <ItemCount id={id} count={state?.OtherNonCompliantCount} /> },
                  ...COUNTS.map(([member, name]) => ({
                    label: <CountLabel status={name} label={wordOf(name)} value={state?.[member] ?? 0} />,
                    value:
                      state === undefined ? (
                        "–"
                      ) : (
                        <Link to={href(`/nodes/${part(id)}`, { tab: "patches", state: name })}>
                          {state[member] ?? 0}
                        </Link>
                      ),
                  })),
                ]}
              />
            );
          }}
        </Answer>
      </Container>
    </SpaceBetween>
  );
}
