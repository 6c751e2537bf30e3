// Nodes: the fleet as a list that the server filters, sorts and pages. The view is in the address.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ButtonDropdown from "@cloudscape-design/components/button-dropdown";
import PropertyFilter from "@cloudscape-design/components/property-filter";
import type { PropertyFilterProps } from "@cloudscape-design/components/property-filter";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { listNodeSummaries } from "../api/fleet";
import type { NodeSummary } from "../api/fleet";
import { go, href, part, replace, usePlace } from "../app/place";
import { DeregisterNodes } from "../components/DeregisterNodes";
import { EnrolSteps } from "../components/EnrolSteps";
import { ItemCount, NodeCount } from "../components/ItemCount";
import { Link } from "../components/Link";
import { SavedViews } from "../components/SavedViews";
import { ServerTable } from "../components/ServerTable";
import type { Column } from "../components/ServerTable";
import { Status } from "../components/Status";
import { Time } from "../components/Time";
import { PROPERTIES, queryOf, requestOf, tokensOf } from "../logic/nodeFilters";
import type { FilterProperty } from "../logic/nodeFilters";
import { shortBaselineId } from "../logic/shortId";
import { toDate } from "../logic/time";

type PropertyFilterOperator = NonNullable<PropertyFilterProps.FilteringProperty["defaultOperator"]>;

const COLUMNS: readonly Column<NodeSummary>[] = [
  {
    id: "name",
    header: "Node",
    cell: (node) => <Link to={href(`/nodes/${part(node.NodeId)}`)}>{nameOf(node)}</Link>,
    text: nameOf,
    sortingField: "Name",
    minWidth: 150,
  },
  {
    id: "id",
    header: "Node id",
    cell: (node) => node.NodeId,
    text: (node) => node.NodeId,
    sortingField: "NodeId",
    hidden: true,
  },
  {
    id: "compliance",
    header: "Compliance",
    cell: (node) => <Status status={node.ComplianceStatus} />,
    text: (node) => node.ComplianceStatus,
    sortingField: "ComplianceStatus",
    minWidth: 140,
  },
  {
    id: "critical",
    header: "Critical",
    cell: (node) => <ItemCount id={node.NodeId} count={node.CriticalNonCompliantCount} severity="CRITICAL" />,
    text: (node) => node.CriticalNonCompliantCount,
    sortingField: "CriticalNonCompliantCount",
    minWidth: 95,
  },
  {
    id: "security",
    header: "Security",
    cell: (node) => <ItemCount id={node.NodeId} count={node.SecurityNonCompliantCount} />,
    text: (node) => node.SecurityNonCompliantCount,
    sortingField: "SecurityNonCompliantCount",
    minWidth: 95,
  },
  {
    id: "other",
    header: "Other",
    cell: (node) => <ItemCount id={node.NodeId} count={node.OtherNonCompliantCount} />,
    text: (node) => node.OtherNonCompliantCount,
    sortingField: "OtherNonCompliantCount",
    minWidth: 95,
    hidden: true,
  },
  {
    id: "missing",
    header: "Missing",
    cell: (node) => <NodeCount count={node.Counts?.["MISSING"]} to={patchesOf(node, "Missing")} />,
    text: (node) => node.Counts?.["MISSING"],
    sortingField: "MissingCount",
    minWidth: 95,
  },
  {
    id: "reboot",
    header: "Pending reboot",
    cell: (node) => (
      <NodeCount count={node.Counts?.["INSTALLED_PENDING_REBOOT"]} to={patchesOf(node, "InstalledPendingReboot")} />
    ),
    text: (node) => node.Counts?.["INSTALLED_PENDING_REBOOT"],
    hidden: true,
  },
  {
    id: "scanned",
    header: "Last operation",
    cell: (node) => (
      <>
        {node.Operation ?? ""} <Time at={node.OperationEndTime} short />
      </>
    ),
    text: (node) => toDate(node.OperationEndTime)?.toISOString(),
    sortingField: "OperationEndTime",
    minWidth: 135,
  },
  {
    id: "ping",
    header: "Ping status",
    cell: (node) => <Status status={node.PingStatus} />,
    text: (node) => node.PingStatus,
    sortingField: "PingStatus",
    minWidth: 120,
  },
  {
    id: "platform",
    header: "Platform",
    cell: (node) => `${node.PlatformName ?? "–"} ${node.PlatformVersion ?? ""}`,
    text: (node) => `${node.PlatformName ?? ""} ${node.PlatformVersion ?? ""}`.trim(),
    minWidth: 130,
  },
  {
    id: "address",
    header: "IP address",
    cell: (node) => node.IPAddress ?? "–",
    text: (node) => node.IPAddress,
    hidden: true,
  },
  {
    id: "group",
    header: "Patch group",
    cell: (node) => node.PatchGroup ?? "–",
    text: (node) => node.PatchGroup,
    hidden: true,
  },
  {
    id: "baseline",
    header: "Baseline id",
    cell: (node) => shortBaselineId(node.BaselineId ?? "–"),
    text: (node) => node.BaselineId,
    hidden: true,
  },
  {
    id: "agent",
    header: "Agent",
    cell: (node) => node.AgentVersion ?? "–",
    text: (node) => node.AgentVersion,
    hidden: true,
  },
];

function patchesOf(node: NodeSummary, state: string): string {
  return href(`/nodes/${part(node.NodeId)}`, { tab: "patches", state });
}

function nameOf(node: NodeSummary): string {
  return node.Name ?? node.ComputerName ?? node.NodeId;
}

export default function NodesPage() {
  const { query } = usePlace();
  const [selected, setSelected] = useState<readonly NodeSummary[]>([]);
  const [leaving, setLeaving] = useState<readonly NodeSummary[]>([]);
  const tokens = tokensOf(query);
  const ids = selected.map((node) => node.NodeId).join(",");
  const show = (next: URLSearchParams): void => {
    setSelected([]);
    replace(`/nodes?${next.toString()}`);
  };

  return (
    <ServerTable
      id="nodes"
      title="Nodes"
      call={listNodeSummaries}
      input={requestOf(query)}
      items={(output) => output.Nodes}
      total={(output) => output.Total}
      trackBy={(node) => node.NodeId}
      columns={COLUMNS}
      selection={{ items: selected, onChange: setSelected }}
      sorting={{
        field: query.get("sort") ?? "",
        descending: query.get("order") === "desc",
        onChange: (field, descending) => {
          const next = new URLSearchParams(query);
          next.set("sort", field);
          next.set("order", descending ? "desc" : "asc");
          show(next);
        },
      }}
      filter={
        <PropertyFilter
          query={{
            tokens: tokens.map(({ propertyKey, operator, value }) => ({
              operator,
              value,
              ...(propertyKey === undefined ? {} : { propertyKey }),
            })),
            operation: "and",
          }}
          onChange={({ detail }) =>
            show(
              queryOf(
                detail.tokens.map((token) => ({ ...token, value: String(token.value) })),
                query,
              ),
            )
          }
          hideOperations
          filteringPlaceholder="Filter by state, ping, platform, patch group, baseline, tag, age of the scan, or find a name"
          filteringAriaLabel="Filter nodes"
          filteringProperties={[...PROPERTIES, ...tagProperties(query)].map(({ key, label, operators }) => ({
            key,
            propertyLabel: label,
            groupValuesLabel: `${label} values`,
            operators: [...operators] as PropertyFilterOperator[],
            ...(operators.includes("=") ? {} : { defaultOperator: operators[0] }),
          }))}
          filteringOptions={PROPERTIES.flatMap(({ key, values }) =>
            values.map((value) => ({ propertyKey: key, value })),
          )}
        />
      }
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <SavedViews path="/nodes" address={`/nodes?${query.toString()}`} />
          <ButtonDropdown
            disabled={selected.length === 0}
            items={[
              { id: "scan", text: "Scan" },
              { id: "install", text: "Scan and install" },
              { id: "command", text: "Run a command" },
              { id: "deregister", text: "Deregister" },
            ]}
            onItemClick={({ detail }) => {
              if (detail.id === "deregister") setLeaving(selected);
              else if (detail.id === "command") go(href("/commands/send", { nodes: ids }));
              else
                go(href("/patch-now/start", { nodes: ids, operation: detail.id === "install" ? "Install" : "Scan" }));
            }}
          >
            Actions
          </ButtonDropdown>
          {leaving.length === 0 ? null : (
            <DeregisterNodes
              nodes={leaving.map((node) => ({ id: node.NodeId, name: nameOf(node) }))}
              onClose={() => setLeaving([])}
              onGone={(gone) => setSelected(selected.filter((node) => !gone.includes(node.NodeId)))}
            />
          )}
          <Button href={href("/activations/create")}>Add nodes</Button>
          <Button variant="primary" href={href("/patch-now/start")}>
            Patch now
          </Button>
        </SpaceBetween>
      }
      empty={
        tokens.length === 0 ? (
          <EnrolSteps />
        ) : (
          <Box>
            <Box variant="p">No node matches this filter.</Box>
            <Button onClick={() => show(new URLSearchParams())}>Clear the filter</Button>
          </Box>
        )
      }
    />
  );
}

/** A tag can be filtered by once the address names it; any other is typed as `tag:Key`. */
function tagProperties(query: URLSearchParams): Omit<FilterProperty, "values">[] {
  const known = [...query.keys()].filter((key) => key.startsWith("tag:"));
  const usual = ["tag:Env", "tag:PatchGroup", "tag:Name"];
  return [...new Set([...usual, ...known])].map((key) => ({
    key,
    label: `Tag ${key.slice(4)}`,
    operators: ["=", "!=", "^"],
  }));
}
