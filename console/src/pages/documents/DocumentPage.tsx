// One document: what it takes, what it says, its versions.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import Tabs from "@cloudscape-design/components/tabs";
import type { DocumentDescription } from "@aws-sdk/client-ssm";

import { deleteDocument, describeDocument, getDocument } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { go, href, part, useQueryValue } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { CopyCommand } from "../../components/CopyCommand";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { isOwn } from "../../logic/document";
import { DocumentReviews } from "./DocumentReviews";
import { DocumentSharing } from "./DocumentSharing";
import { DocumentVersions } from "./DocumentVersions";

export default function DocumentPage({ params }: PageProps) {
  const name = params["name"] ?? "";
  const [tab, setTab] = useQueryValue("tab");
  const answer = useCall(describeDocument, { Name: name });
  return (
    <Answer of={answer} what="the document">
      {({ Document: document }) =>
        document === undefined ? null : (
          <ContentLayout header={<Title document={document} name={name} />}>
            <Tabs
              activeTabId={tab === "" ? "overview" : tab}
              onChange={({ detail }) => setTab(detail.activeTabId)}
              tabs={[
                { id: "overview", label: "Overview", content: <Overview document={document} /> },
                { id: "content", label: "Content", content: <Content name={name} /> },
                { id: "versions", label: "Versions", content: <DocumentVersions document={document} name={name} /> },
                // Others' documents have neither for this account.
                ...(isOwn(document)
                  ? [
                      { id: "sharing", label: "Sharing", content: <DocumentSharing document={document} name={name} /> },
                      { id: "reviews", label: "Reviews", content: <DocumentReviews document={document} name={name} /> },
                    ]
                  : []),
              ]}
            />
          </ContentLayout>
        )
      }
    </Answer>
  );
}

interface Props {
  readonly document: DocumentDescription;
  readonly name: string;
}

function Title({ document, name }: Props) {
  const remove = useAction(deleteDocument, { done: () => `${name} is deleted.`, onDone: () => go(href("/documents")) });
  const start =
    document.DocumentType === "Command" ? (
      <Button variant="primary" href={href("/commands/send", { document: name })}>
        Send command
      </Button>
    ) : document.DocumentType === "Automation" ? (
      <Button variant="primary" href={href("/automations/start", { document: name })}>
        Start automation
      </Button>
    ) : document.DocumentType === "ChangeCalendar" ? (
      <Button variant="primary" href={href(`/calendars/${part(name)}`)}>
        Open the calendar
      </Button>
    ) : document.DocumentType === "Package" ? (
      <Button variant="primary" href={href(`/packages/${part(name)}`)}>
        Open the package
      </Button>
    ) : null;
  return (
    <Header
      variant="h1"
      description={document.Description}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <CopyCommand
            requests={[
              { service: "ssm", operation: "DescribeDocument", input: { Name: name } },
              { service: "ssm", operation: "GetDocument", input: { Name: name } },
              ...(isOwn(document)
                ? [{ service: "ssm" as const, operation: "DeleteDocument", input: { Name: name } }]
                : []),
            ]}
          />
          {isOwn(document) ? <Button href={href(`/documents/${part(name)}/edit`)}>New version</Button> : null}
          {isOwn(document) ? (
            <Confirm label="Delete" title="Delete this document?" onConfirm={() => remove.mutate({ Name: name })}>
              {name} and all its versions are deleted; they cannot be brought back.
            </Confirm>
          ) : null}
          {start}
        </SpaceBetween>
      }
    >
      {name}
    </Header>
  );
}

function Overview({ document }: { readonly document: DocumentDescription }) {
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">Document</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Type", value: document.DocumentType ?? "–" },
            { label: "Owner", value: document.Owner ?? "–" },
            { label: "Status", value: document.Status ?? "–" },
            { label: "Created", value: <Time at={document.CreatedDate} /> },
            { label: "Schema version", value: document.SchemaVersion ?? "–" },
            { label: "Default version", value: document.DefaultVersion ?? "–" },
            { label: "Latest version", value: document.LatestVersion ?? "–" },
            { label: "Platforms", value: (document.PlatformTypes ?? []).join(", ") || "–" },
            { label: "Hash", value: document.Hash ?? "–" },
            ...(document.ReviewStatus === undefined
              ? []
              : [{ label: "Review of the default version", value: <Status status={document.ReviewStatus} /> }]),
          ]}
        />
      </Container>
      <Table
        header={<Header variant="h2">Parameters</Header>}
        sortingDisabled
        wrapLines
        items={[...(document.Parameters ?? [])]}
        ariaLabels={{ tableLabel: "Parameters" }}
        columnDefinitions={[
          { id: "name", header: "Name", isRowHeader: true, cell: (parameter) => parameter.Name },
          { id: "type", header: "Type", cell: (parameter) => parameter.Type },
          {
            id: "default",
            header: "Where none is given",
            cell: ({ DefaultValue: value }) => (value === "" ? "empty" : (value ?? "has to be given")),
          },
          {
            id: "description",
            header: "Description",
            cell: (parameter) => parameter.Description ?? "–",
            minWidth: 260,
          },
        ]}
        empty={<Box textAlign="center">It takes no parameters.</Box>}
      />
    </SpaceBetween>
  );
}

function Content({ name }: { readonly name: string }) {
  const answer = useCall(getDocument, { Name: name });
  return (
    <Answer of={answer} what="the content">
      {({ Content: content = "", DocumentFormat: format }) => (
        <Container
          header={
            <Header
              variant="h2"
              description={format}
              actions={
                <CopyToClipboard
                  copyButtonText="Copy"
                  textToCopy={content}
                  copySuccessText="Copied"
                  copyErrorText="Select the text"
                />
              }
            >
              Content
            </Header>
          }
        >
          <pre className="output" tabIndex={0} role="region" aria-label="Content">
            {content}
          </pre>
        </Container>
      )}
    </Answer>
  );
}
