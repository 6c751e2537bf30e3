// Compliance reporting: AWS's node patching details, resources by compliance type and severity, and the
// nodes that an advisory touches.

import { ListResourceComplianceSummariesCommand } from "@aws-sdk/client-ssm";
import Box from "@cloudscape-design/components/box";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";

import { describeAdvisories } from "../api/explain";
import { listNodeSummaries } from "../api/fleet";
import { listComplianceSummaries } from "../api/nodes";
import { ssm } from "../api/ssm";
import { useCall } from "../api/use";
import { href, part, useQueryValue } from "../app/place";
import { Answer } from "../components/Answer";
import { ComplianceChoices } from "../components/ComplianceChoices";
import { CopyCommand } from "../components/CopyCommand";
import { ItemCount } from "../components/ItemCount";
import { Link } from "../components/Link";
import { NodeName } from "../components/NodeName";
import { ServerTable } from "../components/ServerTable";
import { Status } from "../components/Status";
import { Time } from "../components/Time";
import { shortBaselineId } from "../logic/shortId";
import { wordOf } from "../logic/status";
import { toDate } from "../logic/time";
import { AvailablePatches } from "./AvailablePatches";

const listResources = ssm("ListResourceComplianceSummaries", ListResourceComplianceSummariesCommand);

export default function CompliancePage() {
  const [tab, setTab] = useQueryValue("tab");
  return (
    <ContentLayout header={<Header variant="h1">Compliance</Header>}>
      <SpaceBetween size="l">
        <Summaries />
        <Tabs
          activeTabId={tab === "" ? "nodes" : tab}
          onChange={({ detail }) => setTab(detail.activeTabId)}
          tabs={[
            { id: "nodes", label: "Node patching details", content: <PatchingDetails /> },
            { id: "group", label: "Patch group", content: <PatchGroup /> },
            { id: "resources", label: "By compliance type", content: <Resources /> },
            { id: "patches", label: "Available patches", content: <AvailablePatches /> },
            { id: "cve", label: "CVE and package", content: <Advisories /> },
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Summaries() {
  const summaries = useCall(listComplianceSummaries, {});
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Resources by compliance type"
          actions={<CopyCommand requests={[{ service: "ssm", operation: "ListComplianceSummaries", input: {} }]} />}
        >
          Summary
        </Header>
      }
    >
      <Answer of={summaries} what="summaries">
        {({ ComplianceSummaryItems: items = [] }) =>
          items.length === 0 ? (
            <Box color="text-status-inactive">
              Nothing has been reported yet. What was not reported is unknown, not compliant.
            </Box>
          ) : (
            <ColumnLayout columns={3}>
              {items.map((item) => (
                <div key={item.ComplianceType}>
                  <Box variant="awsui-key-label">{item.ComplianceType}</Box>
                  <ResourceCount
                    type={item.ComplianceType}
                    status="NON_COMPLIANT"
                    count={item.NonCompliantSummary?.NonCompliantCount ?? 0}
                  />
                  <ResourceCount
                    type={item.ComplianceType}
                    status="COMPLIANT"
                    count={item.CompliantSummary?.CompliantCount ?? 0}
                  />
                </div>
              ))}
            </ColumnLayout>
          )
        }
      </Answer>
    </Container>
  );
}

interface ResourceCountProps {
  readonly type: string | undefined;
  readonly status: "COMPLIANT" | "NON_COMPLIANT";
  readonly count: number;
}

/** Of none there is nothing to be alarmed by, or content with. */
function ResourceCount({ type, status, count }: ResourceCountProps) {
  const text = `${count.toLocaleString()} ${wordOf(status).toLowerCase()}`;
  if (count === 0) return <Box color="text-status-inactive">{text}</Box>;
  return (
    <div>
      <Status status={status} text={<Link to={href("/compliance", { tab: "resources", type, status })}>{text}</Link>} />
    </div>
  );
}

/** Of the nodes of one patch group, or of all. */
function PatchingDetails({ group }: { readonly group?: string }) {
  return (
    <ServerTable
      id="node-patching-details"
      title={group === undefined ? "Node patching details" : `Patch group ${group}`}
      inside
      call={listNodeSummaries}
      input={group === undefined ? {} : { Filters: [{ Key: "PatchGroup", Values: [group] }] }}
      items={(output) => output.Nodes}
      total={(output) => output.Total}
      trackBy={(node) => node.NodeId}
      columns={[
        {
          id: "node",
          header: "Node",
          cell: (node) => (
            <Link to={href(`/nodes/${part(node.NodeId)}`, { tab: "patches" })}>
              {node.Name ?? node.ComputerName ?? node.NodeId}
            </Link>
          ),
          text: (node) => node.NodeId,
          minWidth: 180,
        },
        {
          id: "status",
          header: "Compliance",
          cell: (node) => <Status status={node.ComplianceStatus} />,
          text: (node) => node.ComplianceStatus,
          minWidth: 140,
        },
        {
          id: "critical",
          header: "Critical non-compliant",
          cell: (node) => <ItemCount id={node.NodeId} count={node.CriticalNonCompliantCount} severity="CRITICAL" />,
          text: (node) => node.CriticalNonCompliantCount,
        },
        {
          id: "security",
          header: "Security non-compliant",
          cell: (node) => <ItemCount id={node.NodeId} count={node.SecurityNonCompliantCount} />,
          text: (node) => node.SecurityNonCompliantCount,
        },
        {
          id: "other",
          header: "Other non-compliant",
          cell: (node) => <ItemCount id={node.NodeId} count={node.OtherNonCompliantCount} />,
          text: (node) => node.OtherNonCompliantCount,
        },
        {
          id: "operation",
          header: "Last operation",
          cell: (node) => (
            <>
              {node.Operation ?? ""} <Time at={node.OperationEndTime} short />
            </>
          ),
          text: (node) => toDate(node.OperationEndTime)?.toISOString(),
          minWidth: 140,
        },
        {
          id: "baseline",
          header: "Baseline id",
          cell: (node) =>
            node.BaselineId === undefined ? (
              "–"
            ) : (
              <span className="together">
                <Link to={href(`/baselines/${part(node.BaselineId)}`)}>{shortBaselineId(node.BaselineId)}</Link>
              </span>
            ),
          text: (node) => node.BaselineId,
        },
      ]}
      empty={group === undefined ? "There are no nodes yet." : "No node has this patch group."}
    />
  );
}

function PatchGroup() {
  const [group, setGroup] = useQueryValue("group");
  return (
    <SpaceBetween size="m">
      <Input
        value={group}
        ariaLabel="Patch group"
        placeholder="Name of a patch group"
        onChange={({ detail }) => setGroup(detail.value)}
      />
      {group === "" ? (
        <Box color="text-status-inactive">Name a patch group: the value of a node&apos;s tag PatchGroup.</Box>
      ) : (
        <PatchingDetails group={group} />
      )}
    </SpaceBetween>
  );
}

function Resources() {
  const [severity, setSeverity] = useQueryValue("severity");
  const [status, setStatus] = useQueryValue("status");
  const [type, setType] = useQueryValue("type");
  const summaries = useCall(listComplianceSummaries, {});
  const types = (summaries.data?.ComplianceSummaryItems ?? []).flatMap((item) => item.ComplianceType ?? []);
  const filters = [
    { Key: "ComplianceType", Values: [type], Type: "EQUAL" as const },
    { Key: "Status", Values: [status], Type: "EQUAL" as const },
    { Key: "OverallSeverity", Values: [severity], Type: "EQUAL" as const },
  ].filter(({ Values }) => Values[0] !== "");
  return (
    <ServerTable
      id="resource-compliance"
      title="Resources"
      inside
      call={listResources}
      input={filters.length === 0 ? {} : { Filters: filters }}
      items={(output) => output.ResourceComplianceSummaryItems}
      trackBy={(item) => `${item.ResourceId ?? ""} ${item.ComplianceType ?? ""}`}
      filter={
        <ComplianceChoices
          types={types}
          type={[type, setType]}
          status={[status, setStatus]}
          severity={[severity, setSeverity]}
        />
      }
      columns={[
        {
          id: "resource",
          header: "Resource",
          cell: (item) => <NodeName id={item.ResourceId ?? ""} tab="compliance" />,
          text: (item) => item.ResourceId,
        },
        {
          id: "type",
          header: "Compliance type",
          cell: (item) => item.ComplianceType,
          text: (item) => item.ComplianceType,
        },
        {
          id: "status",
          header: "Status",
          cell: (item) => <Status status={item.Status} />,
          text: (item) => item.Status,
          minWidth: 140,
        },
        {
          id: "severity",
          header: "Overall severity",
          cell: (item) => wordOf(item.OverallSeverity),
          text: (item) => item.OverallSeverity,
        },
        {
          id: "compliant",
          header: "Compliant",
          cell: (item) => item.CompliantSummary?.CompliantCount ?? 0,
          text: (item) => item.CompliantSummary?.CompliantCount,
        },
        {
          id: "open",
          header: "Non-compliant",
          cell: (item) => item.NonCompliantSummary?.NonCompliantCount ?? 0,
          text: (item) => item.NonCompliantSummary?.NonCompliantCount,
        },
        {
          id: "at",
          header: "Captured",
          cell: (item) => <Time at={item.ExecutionSummary?.ExecutionTime} short />,
          text: (item) => item.ExecutionSummary?.ExecutionTime?.toISOString(),
        },
      ]}
      empty="No resource has reported that."
    />
  );
}

function Advisories() {
  const [cve, setCve] = useQueryValue("cve");
  const [name, setName] = useQueryValue("package");
  const known = /^CVE-\d{4}-\d{4,}$/.test(cve);
  const asked = known || name !== "";
  return (
    <SpaceBetween size="m">
      <ColumnLayout columns={2}>
        <FormField label="CVE id">
          <Input
            value={cve}
            placeholder="CVE-2024-12345"
            onChange={({ detail }) => setCve(detail.value.trim().toUpperCase())}
          />
        </FormField>
        <FormField label="Package">
          <Input value={name} placeholder="openssl" onChange={({ detail }) => setName(detail.value.trim())} />
        </FormField>
      </ColumnLayout>
      {asked ? (
        <ServerTable
          id="affected-nodes"
          title="Affected nodes"
          description="By the advisories that were imported; without a feed there is no data, which does not mean that no node is affected"
          inside
          call={describeAdvisories}
          input={{ ...(known ? { CveId: cve } : {}), ...(name === "" ? {} : { Package: name }) }}
          items={(output) => output.AffectedNodes}
          trackBy={(node) => `${node.InstanceId} ${node.CveId} ${node.Package} ${node.Arch}`}
          columns={[
            {
              id: "node",
              header: "Node",
              cell: (node) => <NodeName id={node.InstanceId} />,
              text: (node) => node.InstanceId,
            },
            { id: "cve", header: "CVE", cell: (node) => node.CveId, text: (node) => node.CveId },
            { id: "package", header: "Package", cell: (node) => node.Package, text: (node) => node.Package },
            {
              id: "installed",
              header: "Installed",
              cell: (node) => node.InstalledVersion,
              text: (node) => node.InstalledVersion,
            },
            {
              id: "fixed",
              header: "Fixed by",
              cell: (node) => node.FixedVersion ?? "not fixed yet",
              text: (node) => node.FixedVersion,
            },
            { id: "severity", header: "Severity", cell: (node) => node.Severity ?? "–", text: (node) => node.Severity },
          ]}
          empty={
            <>
              No node is known to be affected. See which <Link to={href("/feeds")}>feeds are imported</Link>, and how
              old they are.
            </>
          }
        />
      ) : (
        <Box color="text-status-inactive">Name a CVE or a package to see the nodes that it touches.</Box>
      )}
    </SpaceBetween>
  );
}
