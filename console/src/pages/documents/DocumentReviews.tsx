// The reviews of a document's versions: how each stands, what was said of it, and what comes next.

import type {
  DocumentDescription,
  DocumentReviewAction,
  DocumentReviewerResponseSource,
  DocumentVersionInfo,
} from "@aws-sdk/client-ssm";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { listDocumentMetadataHistory, listDocumentVersions, updateDocumentMetadata } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { useQueryValue } from "../../app/place";
import { Answer } from "../../components/Answer";
import { columnsOf } from "../../components/columns";
import { CopyCommand } from "../../components/CopyCommand";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { commentProblem, reviewSteps, toReview } from "../../logic/review";
import { nameOfArn } from "../../logic/shortId";
import { wordOf } from "../../logic/status";

interface Props {
  readonly document: DocumentDescription;
  readonly name: string;
}

/** The newest, which are the ones that wait for a review. */
const SHOWN = 50;
const { statusColumn, textColumn, timeColumn } = columnsOf<DocumentReviewerResponseSource>();

export function DocumentReviews({ document, name }: Props) {
  const [chosen, setChosen] = useQueryValue("version");
  const version = chosen === "" ? (document.LatestVersion ?? "1") : chosen;
  const versions = useCall(listDocumentVersions, { Name: name, MaxResults: SHOWN });
  return (
    <Answer of={versions} what="the versions">
      {({ DocumentVersions: known = [] }) => (
        <SpaceBetween size="l">
          <Review
            // What was typed is of one version.
            key={version}
            name={name}
            known={known}
            version={version}
            onVersion={setChosen}
          />
          <ServerTable
            id="document-reviews"
            title={`Reviews of version ${version}`}
            call={listDocumentMetadataHistory}
            input={{ Name: name, DocumentVersion: version, Metadata: "DocumentReviews" as const }}
            items={(output) => output.Metadata?.ReviewerResponse}
            trackBy={(review) => `${review.CreateTime?.toISOString() ?? ""} ${review.ReviewStatus ?? ""}`}
            columns={[
              statusColumn((review) => review.ReviewStatus),
              textColumn("comment", "Comment", (review) => review.Comment?.[0]?.Content, { minWidth: 260 }),
              textColumn("reviewer", "By", (review) => nameOfArn(review.Reviewer)),
              timeColumn("created", "Created", (review) => review.CreateTime),
              timeColumn("updated", "Updated", (review) => review.UpdatedTime),
            ]}
            empty="This version was not sent for review."
          />
        </SpaceBetween>
      )}
    </Answer>
  );
}

interface ReviewProps {
  readonly name: string;
  readonly known: readonly DocumentVersionInfo[];
  readonly version: string;
  readonly onVersion: (version: string | undefined) => void;
}

function label(version: DocumentVersionInfo): string {
  const name = version.VersionName === undefined ? "" : ` (${version.VersionName})`;
  return `${version.DocumentVersion ?? ""}${name}${version.IsDefaultVersion === true ? ", default" : ""}`;
}

function Review({ name, known, version, onVersion }: ReviewProps) {
  const [comment, setComment] = useState("");
  const [tried, setTried] = useState<DocumentReviewAction>();
  const found = known.find((other) => other.DocumentVersion === version);
  const steps = reviewSteps(found?.ReviewStatus);
  const review = useAction(updateDocumentMetadata, {
    done: (_, { DocumentReviews: said }) =>
      `Version ${version} of ${name} ${steps.find(({ action }) => action === said?.Action)?.done ?? "is reviewed"}.`,
    onDone: () => {
      setComment("");
      setTried(undefined);
    },
  });
  const step = (action: DocumentReviewAction): void => {
    setTried(action);
    if (commentProblem(comment, action) === undefined) review.mutate(toReview(name, version, action, comment));
  };
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="What reviewers say is kept with the version; it does not keep anybody from running it"
          actions={
            <CopyCommand
              requests={steps.map(({ action }) => ({
                service: "ssm" as const,
                operation: updateDocumentMetadata.operation,
                input: toReview(name, version, action, comment),
              }))}
            />
          }
        >
          Review
        </Header>
      }
    >
      <SpaceBetween size="m">
        <SpaceBetween direction="horizontal" size="l">
          <FormField label="Version">
            <Select
              selectedOption={{ value: version, label: found === undefined ? version : label(found) }}
              options={known.map((other) => ({
                value: other.DocumentVersion ?? "",
                label: label(other),
                description: wordOf(other.ReviewStatus ?? "NOT_REVIEWED"),
              }))}
              onChange={({ detail }) => onVersion(detail.selectedOption.value)}
            />
          </FormField>
          <div>
            <Box variant="awsui-key-label">Review status</Box>
            <Status status={found?.ReviewStatus ?? "NOT_REVIEWED"} />
          </div>
        </SpaceBetween>
        <FormField label="Comment" errorText={tried === undefined ? undefined : commentProblem(comment, tried)} stretch>
          <Input value={comment} onChange={({ detail }) => setComment(detail.value)} />
        </FormField>
        <SpaceBetween direction="horizontal" size="xs">
          {steps.map(({ action, label: words }) => (
            <Button key={action} formAction="none" loading={review.isPending} onClick={() => step(action)}>
              {words}
            </Button>
          ))}
        </SpaceBetween>
      </SpaceBetween>
    </Container>
  );
}
