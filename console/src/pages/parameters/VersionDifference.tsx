// What lies between two versions of a parameter.

import type { ParameterHistory } from "@aws-sdk/client-ssm";
import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";

import { isSecret, versionDifferences } from "../../logic/parameterVersions";

interface Props {
  readonly before: ParameterHistory;
  readonly after: ParameterHistory;
}

export function VersionDifference({ before, after }: Props) {
  const title = `From version ${before.Version ?? ""} to version ${after.Version ?? ""}`;
  return (
    <Table
      variant="embedded"
      header={
        <Header
          variant="h3"
          {...(isSecret(after) ? { description: "Values of SecureStrings are not compared: show both above" } : {})}
        >
          {title}
        </Header>
      }
      sortingDisabled
      wrapLines
      items={versionDifferences(before, after)}
      ariaLabels={{ tableLabel: title }}
      columnDefinitions={[
        { id: "field", header: "What", isRowHeader: true, cell: (row) => row.field, minWidth: 140 },
        { id: "before", header: `Version ${before.Version ?? ""}`, cell: (row) => <Text text={row.before} /> },
        { id: "after", header: `Version ${after.Version ?? ""}`, cell: (row) => <Text text={row.after} /> },
      ]}
      empty={<Box textAlign="center">{isSecret(after) ? "Nothing else differs." : "They are the same."}</Box>}
    />
  );
}

function Text({ text }: { readonly text: string }) {
  return text === "" ? <>–</> : <span className="value">{text}</span>;
}
