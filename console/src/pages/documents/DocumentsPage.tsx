// The documents: the predefined ones and one's own.

import Button from "@cloudscape-design/components/button";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { DocumentKeyValuesFilter } from "@aws-sdk/client-ssm";
import { useDeferredValue } from "react";

import { listDocuments } from "../../api/documents";
import { href, part, useQueryValue } from "../../app/place";
import { Choice } from "../../components/Choice";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";

const TYPES = ["Command", "Automation", "Policy", "Package", "ChangeCalendar"];
const OWNERS = [
  ["Self", "Own"],
  ["Amazon", "Predefined"],
  ["Private", "Shared with this account"],
  ["Public", "Public"],
] as const;

export default function DocumentsPage() {
  const [type, setType] = useQueryValue("type");
  const [owner, setOwner] = useQueryValue("owner");
  const [name, setName] = useQueryValue("name");
  const begun = useDeferredValue(name);
  const filters: DocumentKeyValuesFilter[] = [
    ...(type === "" ? [] : [{ Key: "DocumentType", Values: [type] }]),
    ...(owner === "" ? [] : [{ Key: "Owner", Values: [owner] }]),
    ...(begun === "" ? [] : [{ Key: "Name", Values: [begun] }]),
  ];
  return (
    <ServerTable
      id="documents"
      title="Documents"
      call={listDocuments}
      input={filters.length === 0 ? {} : { Filters: filters }}
      items={(output) => output.DocumentIdentifiers}
      trackBy={(document) => document.Name ?? ""}
      filter={
        <SpaceBetween direction="horizontal" size="s">
          <Input
            type="search"
            ariaLabel="Name"
            placeholder="Name begins with"
            value={name}
            onChange={({ detail }) => setName(detail.value)}
          />
          <Choice
            label="Type"
            any="Any type"
            value={type}
            values={TYPES.map((value) => [value, value])}
            onChange={setType}
          />
          <Choice label="Owner" any="Anybody's" value={owner} values={OWNERS} onChange={setOwner} />
        </SpaceBetween>
      }
      actions={
        <Button variant="primary" href={href("/create/document")}>
          Create document
        </Button>
      }
      columns={[
        {
          id: "name",
          header: "Name",
          cell: (document) => <Link to={href(`/documents/${part(document.Name ?? "")}`)}>{document.Name}</Link>,
          text: (document) => document.Name,
          minWidth: 220,
        },
        {
          id: "type",
          header: "Type",
          cell: (document) => document.DocumentType,
          text: (document) => document.DocumentType,
        },
        { id: "owner", header: "Owner", cell: (document) => document.Owner, text: (document) => document.Owner },
        {
          id: "platforms",
          header: "Platforms",
          cell: (document) => (document.PlatformTypes ?? []).join(", ") || "–",
          text: (document) => (document.PlatformTypes ?? []).join(" "),
        },
        {
          id: "version",
          header: "Version",
          cell: (document) => document.DocumentVersion,
          text: (document) => document.DocumentVersion,
        },
        {
          id: "format",
          header: "Format",
          cell: (document) => document.DocumentFormat,
          text: (document) => document.DocumentFormat,
          hidden: true,
        },
      ]}
      empty="No document matches."
    />
  );
}
