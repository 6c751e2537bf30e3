// Run Command: the commands so far.

import type { Command } from "@aws-sdk/client-ssm";
import Select from "@cloudscape-design/components/select";

import { listCommands } from "../../api/commands";
import { href, part, useQueryValue } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { ListPage } from "../../components/ListPage";
import { wordOf } from "../../logic/status";

const STATUSES = ["Pending", "InProgress", "Success", "Failed", "TimedOut", "Cancelled"];

const { nameColumn, statusColumn, textColumn, timeColumn } = columnsOf<Command>();

export default function CommandsPage() {
  const [status, setStatus] = useQueryValue("status");
  const any = { value: "", label: "Any status" };
  return (
    <ListPage
      name="commands"
      title="Commands"
      call={listCommands}
      input={status === "" ? {} : { Filters: [{ key: "Status" as const, value: status }] }}
      items={(output) => output.Commands}
      trackBy={(command) => command.CommandId ?? ""}
      poll={10_000}
      filter={
        <Select
          ariaLabel="Status"
          selectedOption={status === "" ? any : { value: status, label: wordOf(status) }}
          options={[any, ...STATUSES.map((value) => ({ value, label: wordOf(value) }))]}
          onChange={({ detail }) => setStatus(detail.selectedOption.value)}
        />
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
        textColumn("errors", "Errors", (command) => command.ErrorCount),
        timeColumn("at", "Requested", (command) => command.RequestedDateTime),
        textColumn("comment", "Comment", (command) => command.Comment),
        textColumn("id", "Command id", (command) => command.CommandId, { hidden: true }),
      ]}
      empty="No command has been sent yet."
    />
  );
}
