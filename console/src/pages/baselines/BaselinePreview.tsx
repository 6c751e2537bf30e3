// Beside the form of a baseline: what it would approve of what the fleet has reported, as it stands in the form.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";

import { previewPatchBaseline } from "../../api/preview";
import type { Preview, PreviewedPatch, PreviewInput, PreviewList, PreviewListName } from "../../api/preview";
import { useCall } from "../../api/use";
import { useSettled } from "../../app/settled";
import { CallFailure } from "../../components/CallFailure";
import { CopyCommand } from "../../components/CopyCommand";
import { Loading } from "../../components/Loading";
import { Time } from "../../components/Time";
import type { BaselineForm } from "../../logic/baseline";
import { basisOf, changeOf, countsOf, LIST_NAMES, previewInput, whyOf } from "../../logic/preview";

const SETTLE_MS = 500;
const PAGE = 10;

interface Props {
  readonly form: BaselineForm;
  /** The saved baseline that is being changed. */
  readonly id: string | undefined;
}

export function BaselinePreview({ form, id }: Props) {
  const given = previewInput(form);
  const settled = useSettled(given, JSON.stringify(given), SETTLE_MS);
  const input: PreviewInput | undefined =
    settled.value === undefined
      ? undefined
      : { Baseline: settled.value, ...(id === undefined ? {} : { BaselineId: id }), MaxResults: PAGE };
  const answer = useCall(previewPatchBaseline, input, { keep: true });
  const isOld = !settled.isSettled || answer.isFetching;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="What it would approve of what the fleet has reported"
          actions={
            input === undefined ? null : (
              <CopyCommand requests={[{ service: "fettle", operation: "PreviewPatchBaseline", input }]} />
            )
          }
        >
          Preview
        </Header>
      }
      footer={
        <div role="status">
          {given === undefined ? (
            <StatusIndicator type="warning">The form has errors: what is shown is older</StatusIndicator>
          ) : isOld ? (
            <StatusIndicator type="in-progress">Looking</StatusIndicator>
          ) : answer.error === null ? (
            <StatusIndicator type="success">Of this form as it stands</StatusIndicator>
          ) : (
            <StatusIndicator type="stopped">Nothing is known of this form</StatusIndicator>
          )}
        </div>
      }
    >
      <Shown answer={answer.data} error={answer.error} input={input} onRetry={answer.refetch} />
    </Container>
  );
}

interface ShownProps {
  readonly answer: Preview | undefined;
  readonly error: ReturnType<typeof useCall<PreviewInput, Preview>>["error"];
  readonly input: PreviewInput | undefined;
  readonly onRetry: () => unknown;
}

function Shown({ answer, error, input, onRetry }: ShownProps) {
  const [tab, setTab] = useState<string>("Approved");
  if (error !== null) {
    return error.code === "ValidationException" ? (
      <Alert type="error" header="This cannot be saved as it is">
        {error.message}
      </Alert>
    ) : (
      <CallFailure error={error} onRetry={onRetry} />
    );
  }
  if (answer === undefined || input === undefined) {
    return input === undefined ? (
      <Box>There is nothing to show before the form is whole.</Box>
    ) : (
      <Loading what="preview" />
    );
  }
  const change = changeOf(answer);
  return (
    <SpaceBetween size="s">
      <Box color="text-body-secondary">{basisOf(answer)}</Box>
      {answer.Nodes === 0 ? null : (
        <Box fontWeight="bold">
          {answer.Lists.slice(0, 4)
            .map((list) => `${list.Count.toLocaleString()} ${LIST_NAMES[list.Name].toLowerCase()}`)
            .join(", ")}
        </Box>
      )}
      {change === undefined ? null : <Alert type="info">{change}</Alert>}
      {answer.Nodes === 0 ? null : (
        <Tabs
          ariaLabel="Patches by what is decided of them"
          activeTabId={answer.Lists.some((list) => list.Name === tab) ? tab : "Approved"}
          onChange={({ detail }) => setTab(detail.activeTabId)}
          tabs={answer.Lists.map((list) => ({
            id: list.Name,
            label: `${LIST_NAMES[list.Name]} (${countsOf(list)})`,
            content: <Patches key={JSON.stringify(input)} first={list} input={input} />,
          }))}
        />
      )}
    </SpaceBetween>
  );
}

/** The first page is in the preview itself; the others are asked for one after the other. */
function Patches({ first, input }: { readonly first: PreviewList; readonly input: PreviewInput }) {
  const [tokens, setTokens] = useState<readonly string[]>([]);
  const token = tokens.at(-1);
  const more = useCall(
    previewPatchBaseline,
    token === undefined ? undefined : { ...input, List: first.Name, NextToken: token },
    { keep: true },
  );
  const list = token === undefined ? first : (more.data?.Lists[0] ?? first);
  const next = list.NextToken;
  return (
    <SpaceBetween size="xs">
      <Table<PreviewedPatch>
        variant="embedded"
        contentDensity="compact"
        wrapLines
        items={list.Patches}
        trackBy={(patch) => `${patch.Product} ${patch.Name} ${patch.Arch ?? ""} ${patch.Version}`}
        ariaLabels={{ tableLabel: LIST_NAMES[first.Name] }}
        columnDefinitions={[
          { id: "patch", header: "Patch", cell: (patch) => <Patch patch={patch} />, isRowHeader: true },
          { id: "why", header: "Decided by", cell: (patch) => <Why patch={patch} of={first.Name} /> },
          {
            id: "nodes",
            header: "Lack it",
            cell: (patch) => patch.NodesLacking.toLocaleString(),
            width: 80,
          },
        ]}
        empty={<Box textAlign="center">{EMPTY[first.Name]}</Box>}
      />
      {more.error === null ? null : <CallFailure error={more.error} onRetry={more.refetch} />}
      {tokens.length === 0 && next === undefined ? null : (
        <SpaceBetween direction="horizontal" size="xs">
          <Button
            formAction="none"
            disabled={tokens.length === 0}
            onClick={() => setTokens(tokens.slice(0, -1))}
            ariaLabel={`Earlier patches: ${LIST_NAMES[first.Name]}`}
          >
            Earlier
          </Button>
          <Button
            formAction="none"
            disabled={next === undefined}
            loading={more.isFetching && token !== undefined}
            onClick={() => setTokens(next === undefined ? tokens : [...tokens, next])}
            ariaLabel={`More patches: ${LIST_NAMES[first.Name]}`}
          >
            More
          </Button>
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}

const EMPTY: Record<PreviewListName, string> = {
  Approved: "It approves nothing.",
  ApprovedLater: "Nothing waits for its day.",
  Rejected: "It rejects nothing.",
  NotMatched: "Some rule or entry is about every patch.",
  NewlyApproved: "Nothing is approved that was not before.",
  NoLongerApproved: "What was approved stays approved.",
};

function Patch({ patch }: { readonly patch: PreviewedPatch }) {
  const about = [patch.Classification, patch.Severity, patch.AdvisoryId].filter((text) => text !== undefined);
  return (
    <>
      <div>{patch.Title ?? patch.Name}</div>
      <Box fontSize="body-s" color="text-body-secondary">
        {[patch.Title === undefined ? patch.Version : patch.Name, ...about].join(" · ")}
      </Box>
    </>
  );
}

function Why({ patch, of }: { readonly patch: PreviewedPatch; readonly of: PreviewListName }) {
  return (
    <>
      {of === "NoLongerApproved" ? `${LIST_NAMES[patch.Outcome].toLowerCase()}: ${whyOf(patch)}` : whyOf(patch)}
      {patch.Outcome === "ApprovedLater" && patch.ApprovedAt !== undefined ? (
        <>
          {" "}
          on <Time at={patch.ApprovedAt} short />
        </>
      ) : null}
    </>
  );
}
