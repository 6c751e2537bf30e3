// One patch baseline: its rules, the patch groups that use it, what it approves, and what can be done with it.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import Tabs from "@cloudscape-design/components/tabs";
import type { GetPatchBaselineCommandOutput, PatchFilterGroup, PatchRule } from "@aws-sdk/client-ssm";
import { useState } from "react";

import {
  deletePatchBaseline,
  deregisterForPatchGroup,
  describeEffectivePatches,
  getPatchBaseline,
  registerDefault,
  registerForPatchGroup,
} from "../../api/baselines";
import { useAction, useCall } from "../../api/use";
import { useNamed } from "../../app/names";
import { go, href, part, usePlace, useQueryValue } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { CopyCommand } from "../../components/CopyCommand";
import { ServerTable } from "../../components/ServerTable";
import { Time } from "../../components/Time";
import { fromBaseline, toInput } from "../../logic/baseline";
import { download } from "../../logic/download";
import { wordOf } from "../../logic/status";

export default function BaselinePage({ params }: PageProps) {
  const id = params["id"] ?? "";
  const [tab, setTab] = useQueryValue("tab");
  const answer = useCall(getPatchBaseline, { BaselineId: id });
  useNamed(usePlace().path, answer.data?.Name);
  return (
    <Answer of={answer} what="the patch baseline">
      {(baseline) => (
        <ContentLayout header={<Title baseline={baseline} id={id} />}>
          <Tabs
            activeTabId={tab === "" ? "rules" : tab}
            onChange={({ detail }) => setTab(detail.activeTabId)}
            tabs={[
              { id: "rules", label: "Rules", content: <Rules baseline={baseline} /> },
              { id: "groups", label: "Patch groups", content: <Groups id={id} groups={baseline.PatchGroups ?? []} /> },
              { id: "effective", label: "Effective patches", content: <Effective id={id} /> },
              { id: "json", label: "JSON", content: <pre className="output">{toJson(baseline)}</pre> },
            ]}
          />
        </ContentLayout>
      )}
    </Answer>
  );
}

function toJson(baseline: GetPatchBaselineCommandOutput): string {
  return JSON.stringify(toInput(fromBaseline(baseline)), null, 2);
}

interface TitleProps {
  readonly baseline: GetPatchBaselineCommandOutput;
  readonly id: string;
}

function Title({ baseline, id }: TitleProps) {
  const setDefault = useAction(registerDefault, { done: () => `${baseline.Name ?? id} is the default now.` });
  const remove = useAction(deletePatchBaseline, {
    done: () => `${baseline.Name ?? id} is deleted.`,
    onDone: () => go(href("/baselines")),
  });
  const predefined = (baseline.Name ?? "").startsWith("AWS-") || id.startsWith("arn:");
  return (
    <Header
      variant="h1"
      description={baseline.Description}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <CopyCommand
            requests={[
              "GetPatchBaseline",
              "RegisterDefaultPatchBaseline",
              ...(predefined ? [] : ["DeletePatchBaseline"]),
            ].map((operation) => ({ service: "ssm", operation, input: { BaselineId: id } }))}
          />
          <Button
            iconName="download"
            ariaLabel="Download JSON"
            onClick={() => download(`${baseline.Name ?? "baseline"}.json`, "application/json", toJson(baseline))}
          />
          <Confirm
            label="Set as default"
            title="Set as default?"
            onConfirm={() => setDefault.mutate({ BaselineId: id })}
          >
            Nodes of {baseline.OperatingSystem} without a patch group of their own are judged by {baseline.Name} from
            now on.
          </Confirm>
          <Button href={href("/baselines/create", { from: id })}>Clone</Button>
          {predefined ? null : <Button href={href(`/baselines/${part(id)}/edit`)}>Edit</Button>}
          {predefined ? null : (
            <Confirm
              label="Delete"
              title="Delete this patch baseline?"
              onConfirm={() => remove.mutate({ BaselineId: id })}
            >
              {baseline.Name} cannot be brought back. A baseline that is a default or has patch groups is not deleted.
            </Confirm>
          )}
        </SpaceBetween>
      }
    >
      {baseline.Name}
    </Header>
  );
}

function filterText(group: PatchFilterGroup | undefined): string {
  const filters = group?.PatchFilters ?? [];
  if (filters.length === 0) return "everything";
  return filters.map((filter) => `${filter.Key ?? ""} = ${(filter.Values ?? []).join(" or ")}`).join(", ");
}

function approval(rule: PatchRule): string {
  if (rule.ApproveUntilDate !== undefined) return `released until ${rule.ApproveUntilDate}`;
  return `${rule.ApproveAfterDays ?? 0} days after release`;
}

function Rules({ baseline }: { readonly baseline: GetPatchBaselineCommandOutput }) {
  const names = (list: string[] | undefined) =>
    list === undefined || list.length === 0 ? "none" : <div className="output names">{list.join("\n")}</div>;
  return (
    <SpaceBetween size="l">
      <Table
        header={<Header variant="h2">Approval rules</Header>}
        sortingDisabled
        wrapLines
        ariaLabels={{ tableLabel: "Approval rules" }}
        items={[...(baseline.ApprovalRules?.PatchRules ?? [])]}
        columnDefinitions={[
          {
            id: "what",
            header: "Approves",
            isRowHeader: true,
            cell: (rule) => filterText(rule.PatchFilterGroup),
            minWidth: 260,
          },
          { id: "when", header: "When", cell: approval },
          { id: "level", header: "Compliance level", cell: (rule) => wordOf(rule.ComplianceLevel) },
          {
            id: "non",
            header: "Non-security updates",
            cell: (rule) => (rule.EnableNonSecurity === true ? "included" : "not included"),
          },
        ]}
        empty={<Box textAlign="center">No rules: nothing is approved but what is named.</Box>}
      />
      <Container header={<Header variant="h2">Exceptions and origin</Header>}>
        <KeyValuePairs
          columns={3}
          items={[
            { label: "Operating system", value: baseline.OperatingSystem ?? "–" },
            { label: "Global filters", value: filterText(baseline.GlobalFilters) },
            { label: "Approved patches", value: names(baseline.ApprovedPatches) },
            {
              label: "Their compliance level",
              value: `${wordOf(baseline.ApprovedPatchesComplianceLevel)}${
                baseline.ApprovedPatchesEnableNonSecurity === true ? ", non-security updates as well" : ""
              }`,
            },
            { label: "Rejected patches", value: names(baseline.RejectedPatches) },
            {
              label: "Rejected patches are",
              value:
                baseline.RejectedPatchesAction === "BLOCK"
                  ? "blocked, dependencies as well"
                  : "allowed as dependencies",
            },
            {
              label: "Sources",
              value: (baseline.Sources ?? []).map((source) => source.Name).join(", ") || "the node's own repositories",
            },
            ...(baseline.AvailableSecurityUpdatesComplianceStatus === undefined
              ? []
              : [
                  {
                    label: "Security updates that wait for approval are",
                    value: wordOf(baseline.AvailableSecurityUpdatesComplianceStatus).toLowerCase(),
                  },
                ]),
            { label: "Created", value: <Time at={baseline.CreatedDate} /> },
            { label: "Changed", value: <Time at={baseline.ModifiedDate} /> },
          ]}
        />
      </Container>
    </SpaceBetween>
  );
}

function Groups({ id, groups }: { readonly id: string; readonly groups: readonly string[] }) {
  const [name, setName] = useState("");
  const register = useAction(registerForPatchGroup, {
    done: (_, input) => `Patch group ${input.PatchGroup ?? ""} uses this baseline now.`,
    onDone: () => setName(""),
  });
  const deregister = useAction(deregisterForPatchGroup, {
    done: (_, input) => `Patch group ${input.PatchGroup ?? ""} does not use this baseline any more.`,
  });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Nodes whose tag PatchGroup has one of these values are judged by this baseline"
        >
          Patch groups
        </Header>
      }
    >
      <SpaceBetween size="m">
        {groups.length === 0 ? <Box color="text-status-inactive">No patch group uses this baseline.</Box> : null}
        {groups.map((group) => (
          <SpaceBetween key={group} direction="horizontal" size="s" alignItems="center">
            <Box variant="strong">{group}</Box>
            <Button href={href("/nodes", { PatchGroup: group })}>Its nodes</Button>
            <Confirm
              label="Remove"
              title="Remove this patch group?"
              onConfirm={() => deregister.mutate({ BaselineId: id, PatchGroup: group })}
            >
              Nodes of {group} are judged by the default baseline of their operating system from then on.
            </Confirm>
          </SpaceBetween>
        ))}
        <SpaceBetween direction="horizontal" size="s">
          <Input
            value={name}
            ariaLabel="Patch group"
            placeholder="Patch group"
            onChange={({ detail }) => setName(detail.value)}
          />
          <Button
            disabled={name.trim() === ""}
            loading={register.isPending}
            onClick={() => register.mutate({ BaselineId: id, PatchGroup: name.trim() })}
          >
            Add patch group
          </Button>
        </SpaceBetween>
      </SpaceBetween>
    </Container>
  );
}

function Effective({ id }: { readonly id: string }) {
  return (
    <ServerTable
      id="effective-patches"
      title="Effective patches"
      description="What this baseline says of the patches that the fleet has reported"
      inside
      call={describeEffectivePatches}
      input={{ BaselineId: id }}
      items={(output) => output.EffectivePatches}
      trackBy={(effective) =>
        `${effective.Patch?.Id ?? ""} ${effective.Patch?.Name ?? ""} ${effective.Patch?.Arch ?? ""} ${effective.Patch?.Version ?? ""} ${effective.Patch?.KbNumber ?? ""}`
      }
      columns={[
        {
          id: "name",
          header: "Patch",
          cell: ({ Patch: patch }) => patch?.Title ?? patch?.Name ?? patch?.Id ?? "–",
          text: ({ Patch: patch }) => patch?.Title ?? patch?.Name ?? patch?.Id,
          minWidth: 220,
        },
        {
          id: "version",
          header: "Version",
          cell: ({ Patch: patch }) => patch?.Version ?? "–",
          text: ({ Patch: patch }) => patch?.Version,
        },
        {
          id: "class",
          header: "Classification",
          cell: ({ Patch: patch }) => patch?.Classification ?? "–",
          text: ({ Patch: patch }) => patch?.Classification,
        },
        {
          id: "severity",
          header: "Severity",
          cell: ({ Patch: patch }) => patch?.Severity ?? patch?.MsrcSeverity ?? "–",
          text: ({ Patch: patch }) => patch?.Severity,
        },
        {
          id: "status",
          header: "Deployment",
          cell: ({ PatchStatus: status }) => wordOf(status?.DeploymentStatus),
          text: ({ PatchStatus: status }) => status?.DeploymentStatus,
        },
        {
          id: "approved",
          header: "Approved",
          cell: ({ PatchStatus: status }) => <Time at={status?.ApprovalDate} short />,
          text: ({ PatchStatus: status }) => status?.ApprovalDate?.toISOString(),
        },
      ]}
      empty="This baseline approves nothing that the fleet has reported."
    />
  );
}
