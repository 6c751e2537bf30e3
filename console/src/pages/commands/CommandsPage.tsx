// Run Command: the commands so far.

import type { Command } from "@aws-sdk/client-ssm";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { listCommands } from "../../api/commands";
import { href, part, useQueryValue } from "../../app/place";
import { Choice } from "../../components/Choice";
import { Comment } from "../../components/Comment";
import { columnsOf } from "../../components/columns";
import { ListPage } from "../../components/ListPage";
import { errorsText } from "../../logic/counts";
import { worded } from "../../logic/status";

const STATUSES = ["Pending", "InProgress", "Success", "Failed", "TimedOut", "Cancelled"];

const { nameColumn, statusColumn, textColumn, timeColumn } = columnsOf<Command>();

export default function CommandsPage() {
  const [status, setStatus] = useQueryValue("status");
  const [document, setDocument] = useQueryValue("document");
  const filters = [
    ...(status === "" ? [] : [{ key: "Status" as const, value: status }]),
    ...(document === "" ? [] : [{ key: "DocumentName" as const, value: document }]),
  ];
  return (
    <ListPage
      name="commands"
      title="Commands"
      call={listCommands}
      input={filters.length === 0 ? {} : { Filters: filters }}
      items={(output) => output.Commands}
      trackBy={(command) => command.CommandId ?? ""}
      poll={10_000}
      filter={
        <SpaceBetween direction="horizontal" size="s">
          <Input
            type="search"
            ariaLabel="Document"
            placeholder="Name of a document"
            value={document}
            onChange={({ detail }) => setDocument(detail.value.trim())}
          />
          <Choice label="Status" any="Any status" value={status} values={worded(STATUSES)} onChange={setStatus} />
        </SpaceBetween>
      }
      add={{ label: "Send command", to: href("/commands/send") }}
      columns={[
        nameColumn(
          "Document",
          (command) => command.DocumentName,
          (command) => href(`/commands/${part(command.CommandId ?? "")}`),
        ),
        statusColumn((command) => command.Status),
        textColumn("nodes", "Nodes", (command) => command.TargetCount),
        textColumn("done", "Done", (command) => command.CompletedCount),
        textColumn("errors", "Errors", errorsText),
        timeColumn("at", "Requested", (command) => command.RequestedDateTime),
        {
          ...textColumn("comment", "Comment", (command) => command.Comment),
          cell: (command) => <Comment text={command.Comment} />,
        },
        textColumn("id", "Command id", (command) => command.CommandId, { hidden: true }),
      ]}
      empty={filters.length === 0 ? "No command has been sent yet." : "No command matches."}
    />
  );
}
