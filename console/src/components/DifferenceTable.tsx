// What lies between two versions of something, field by field.

import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";

interface Row {
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

interface Props {
  readonly rows: readonly Row[];
  /** The numbers of the versions. */
  readonly before: string;
  readonly after: string;
  readonly description?: string;
  readonly empty: string;
}

export function DifferenceTable({ rows, before, after, description, empty }: Props) {
  const title = `From version ${before} to version ${after}`;
  return (
    <Table
      variant="embedded"
      header={
        <Header variant="h3" {...(description === undefined ? {} : { description })}>
          {title}
        </Header>
      }
      sortingDisabled
      wrapLines
      items={[...rows]}
      ariaLabels={{ tableLabel: title }}
      columnDefinitions={[
        { id: "field", header: "What", isRowHeader: true, cell: (row) => row.field, minWidth: 140 },
        { id: "before", header: `Version ${before}`, cell: (row) => <Text text={row.before} /> },
        { id: "after", header: `Version ${after}`, cell: (row) => <Text text={row.after} /> },
      ]}
      empty={<Box textAlign="center">{empty}</Box>}
    />
  );
}

function Text({ text }: { readonly text: string }) {
  return text === "" ? <>–</> : <span className="value">{text}</span>;
}
