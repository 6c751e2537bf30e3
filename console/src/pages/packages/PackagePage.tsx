// One package: its manifest and files, its versions, and what was done with it on nodes.

import type { DocumentDescription } from "@aws-sdk/client-ssm";
import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";

import { deleteDocument, describeDocument, getDocument } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { go, href, part, useQueryValue } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Link } from "../../components/Link";
import { Missing } from "../../components/Missing";
import { Time } from "../../components/Time";
import { isOwn } from "../../logic/document";
import { CONFIGURE, configureParameters, manifestProblem, readManifest } from "../../logic/package";
import { DocumentVersions } from "../documents/DocumentVersions";
import { ManifestTable } from "./ManifestTable";
import { PackageRuns } from "./PackageRuns";

export default function PackagePage({ params }: PageProps) {
  const name = params["name"] ?? "";
  const answer = useCall(describeDocument, { Name: name });
  return (
    <Answer of={answer} what="the package">
      {({ Document: document }) =>
        document?.DocumentType !== "Package" ? (
          <Missing what={`Package ${name}`} list={href("/packages")} />
        ) : (
          <Shown document={document} name={name} />
        )
      }
    </Answer>
  );
}

interface Props {
  readonly document: DocumentDescription;
  readonly name: string;
}

/** The form that sends it, filled in. */
function sendHref(name: string, action: "Install" | "Uninstall"): string {
  return href("/commands/send", {
    document: CONFIGURE,
    parameters: JSON.stringify(configureParameters(name, action)),
  });
}

function Shown({ document, name }: Props) {
  const [tab, setTab] = useQueryValue("tab");
  const remove = useAction(deleteDocument, {
    done: () => `The package ${name} is deleted.`,
    onDone: () => go(href("/packages")),
  });
  const send = (action: "Install" | "Uninstall") => ({
    service: "ssm" as const,
    operation: "SendCommand",
    input: {
      DocumentName: CONFIGURE,
      Targets: [{ Key: "InstanceIds", Values: ["*"] }],
      Parameters: configureParameters(name, action),
    },
  });
  return (
    <DetailPage
      title={name}
      {...(document.VersionName === undefined ? {} : { id: `Version ${document.VersionName}` })}
      requests={[
        { service: "ssm", operation: "GetDocument", input: { Name: name } },
        send("Install"),
        send("Uninstall"),
        ...(isOwn(document) ? [{ service: "ssm" as const, operation: "DeleteDocument", input: { Name: name } }] : []),
      ]}
      actions={
        <>
          {isOwn(document) ? (
            <>
              <Confirm
                label="Delete"
                title={`Delete the package ${name}?`}
                onConfirm={() => remove.mutate({ Name: name })}
              >
                All its versions and their files are deleted. It stays on nodes that have it, which can install and
                remove it no more.
              </Confirm>
              <Button href={href(`/packages/${part(name)}/edit`)}>New version</Button>
            </>
          ) : null}
          <Button href={sendHref(name, "Uninstall")}>Uninstall</Button>
          <Button variant="primary" href={sendHref(name, "Install")}>
            Install
          </Button>
        </>
      }
    >
      <Tabs
        activeTabId={tab === "" ? "overview" : tab}
        onChange={({ detail }) => setTab(detail.activeTabId)}
        tabs={[
          { id: "overview", label: "Overview", content: <Overview document={document} name={name} /> },
          { id: "versions", label: "Versions", content: <DocumentVersions document={document} name={name} /> },
          { id: "runs", label: "Installations", content: <PackageRuns name={name} /> },
        ]}
      />
    </DetailPage>
  );
}

function Overview({ document, name }: Props) {
  const answer = useCall(getDocument, { Name: name });
  return (
    <Answer of={answer} what="the manifest">
      {({ Content: text = "", AttachmentsContent: kept = [] }) => {
        const manifest = readManifest(text);
        return (
          <SpaceBetween size="l">
            <Container header={<Header variant="h2">Package</Header>}>
              <KeyValuePairs
                columns={4}
                items={[
                  { label: "Version", value: manifest?.version ?? "–" },
                  { label: "Publisher", value: manifest?.publisher ?? "–" },
                  { label: "Platforms", value: (document.PlatformTypes ?? []).join(", ") || "–" },
                  { label: "Owner", value: document.Owner ?? "–" },
                  { label: "Created", value: <Time at={document.CreatedDate} /> },
                  {
                    label: "Document",
                    value: (
                      <Link to={href(`/documents/${part(name)}`)}>
                        version {document.DefaultVersion}, sharing and text
                      </Link>
                    ),
                  },
                ]}
              />
            </Container>
            {manifest === undefined ? (
              <Alert type="warning" header="The manifest cannot be shown">
                {manifestProblem(text)}
              </Alert>
            ) : (
              <ManifestTable manifest={manifest} kept={kept} />
            )}
          </SpaceBetween>
        );
      }}
    </Answer>
  );
}
