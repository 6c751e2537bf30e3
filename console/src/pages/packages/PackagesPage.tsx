// Packages: software that documents bring to nodes.

import type { DocumentIdentifier } from "@aws-sdk/client-ssm";

import { listDocuments } from "../../api/documents";
import { href, part } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { ListPage } from "../../components/ListPage";

const { nameColumn, textColumn, timeColumn } = columnsOf<DocumentIdentifier>();

export default function PackagesPage() {
  return (
    <ListPage
      name="packages"
      title="Packages"
      description="Software with its files, installed and removed by the scripts that it brings along"
      call={listDocuments}
      input={{ Filters: [{ Key: "DocumentType", Values: ["Package"] }] }}
      items={(output) => output.DocumentIdentifiers}
      trackBy={(one) => one.Name ?? ""}
      add={{ label: "Create package", to: href("/create/package") }}
      columns={[
        nameColumn(
          "Package",
          (one) => one.Name,
          (one) => href(`/packages/${part(one.Name ?? "")}`),
        ),
        textColumn("version-name", "Package version", (one) => one.VersionName),
        textColumn("version", "Document version", (one) => one.DocumentVersion),
        textColumn("platforms", "Platforms", (one) => one.PlatformTypes?.join(", ") || undefined, { minWidth: 160 }),
        textColumn("owner", "Owner", (one) => one.Owner),
        timeColumn("created", "Created", (one) => one.CreatedDate),
      ]}
      empty="There are no packages. One has a manifest, which says which file is for which machine, and the files."
    />
  );
}
