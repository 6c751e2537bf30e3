// Which file of a package is for which machine, and what each file must be.

import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import type { AttachmentContent } from "@aws-sdk/client-ssm";

import { Link } from "../../components/Link";
import { kindWords } from "../../logic/package";
import type { Manifest } from "../../logic/package";

interface Props {
  readonly manifest: Manifest;
  /** The files as the server keeps them. */
  readonly kept?: readonly AttachmentContent[];
}

export function ManifestTable({ manifest, kept = [] }: Props) {
  return (
    <SpaceBetween size="l">
      <Table
        header={
          <Header variant="h2" description="The most particular line that fits a machine is the one that counts">
            Machines
          </Header>
        }
        sortingDisabled
        items={[...manifest.targets]}
        ariaLabels={{ tableLabel: "Machines" }}
        columnDefinitions={[
          { id: "platform", header: "Platform", isRowHeader: true, cell: (target) => kindWords(target.platform) },
          { id: "version", header: "Its version", cell: (target) => kindWords(target.version) },
          { id: "architecture", header: "Architecture", cell: (target) => kindWords(target.architecture) },
          { id: "file", header: "File", cell: (target) => target.file },
        ]}
      />
      <Table
        header={<Header variant="h2">Files</Header>}
        sortingDisabled
        wrapLines
        items={[...manifest.files]}
        ariaLabels={{ tableLabel: "Files" }}
        columnDefinitions={[
          {
            id: "name",
            header: "File",
            isRowHeader: true,
            cell: ({ name }) => {
              const url = kept.find((file) => file.Name === name)?.Url;
              return url === undefined ? name : <Link to={url}>{name}</Link>;
            },
            minWidth: 160,
          },
          {
            id: "size",
            header: "Bytes",
            cell: ({ name, size }) => (kept.find((file) => file.Name === name)?.Size ?? size)?.toLocaleString() ?? "–",
          },
          { id: "sum", header: "SHA-256", cell: ({ sha256 }) => sha256, minWidth: 300 },
        ]}
      />
    </SpaceBetween>
  );
}
