// The versions of a document, and which of them is the default one.

import type { DocumentDescription } from "@aws-sdk/client-ssm";
import Button from "@cloudscape-design/components/button";

import { listDocumentVersions, updateDocumentDefaultVersion } from "../../api/documents";
import { useAction } from "../../api/use";
import { ServerTable } from "../../components/ServerTable";
import { Time } from "../../components/Time";
import { isOwn } from "../../logic/document";
import { wordOf } from "../../logic/status";

interface Props {
  readonly document: DocumentDescription;
  readonly name: string;
}

export function DocumentVersions({ document, name }: Props) {
  const setDefault = useAction(updateDocumentDefaultVersion, {
    done: (_, input) => `Version ${input.DocumentVersion ?? ""} is the default now.`,
  });
  return (
    <ServerTable
      id="document-versions"
      title="Versions"
      inside
      call={listDocumentVersions}
      input={{ Name: name }}
      items={(output) => output.DocumentVersions}
      trackBy={(version) => version.DocumentVersion ?? ""}
      columns={[
        {
          id: "version",
          header: "Version",
          cell: (version) => version.DocumentVersion,
          text: (version) => version.DocumentVersion,
        },
        {
          id: "name",
          header: "Version name",
          cell: (version) => version.VersionName ?? "–",
          text: (version) => version.VersionName,
        },
        {
          id: "created",
          header: "Created",
          cell: (version) => <Time at={version.CreatedDate} short />,
          text: (version) => version.CreatedDate?.toISOString(),
        },
        { id: "status", header: "Status", cell: (version) => version.Status, text: (version) => version.Status },
        {
          id: "review",
          header: "Review",
          cell: (version) => (version.ReviewStatus === undefined ? "–" : wordOf(version.ReviewStatus)),
          text: (version) => version.ReviewStatus,
          hidden: true,
        },
        {
          id: "default",
          header: "Default",
          cell: (version) =>
            version.IsDefaultVersion === true ? (
              "default"
            ) : isOwn(document) ? (
              <Button
                variant="inline-link"
                onClick={() => setDefault.mutate({ Name: name, DocumentVersion: version.DocumentVersion ?? "" })}
              >
                Make default
              </Button>
            ) : (
              "–"
            ),
        },
      ]}
      empty="No versions."
    />
  );
}
