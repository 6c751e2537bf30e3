// Run Command: the commands so far.

import Button from "@cloudscape-design/components/button";
import Select from "@cloudscape-design/components/select";

import { listCommands } from "../../api/commands";
import { href, part, useQueryValue } from "../../app/place";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { wordOf } from "../../logic/status";

const STATUSES = ["Pending", "InProgress", "Success", "Failed", "TimedOut", "Cancelled"];

export default function CommandsPage() {
  const [status, setStatus] = useQueryValue("status");
  const any = { value: "", label: "Any status" };
  return (
    <ServerTable
      id="commands"
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
      actions={
        <Button variant="primary" href={href("/commands/send")}>
          Send command
        </Button>
      }
      columns={[
        {
          id: "document",
          header: "Document",
          cell: (command) => (
            <Link to={href(`/commands/${part(command.CommandId ?? "")}`)}>{command.DocumentName}</Link>
          ),
          text: (command) => command.DocumentName,
          minWidth: 200,
        },
        {
          id: "status",
          header: "Status",
          cell: (command) => <Status status={command.Status} />,
          text: (command) => command.Status,
        },
        {
          id: "nodes",
          header: "Nodes",
          cell: (command) => command.TargetCount,
          text: (command) => command.TargetCount,
        },
        {
          id: "done",
          header: "Done",
          cell: (command) => command.CompletedCount,
          text: (command) => command.CompletedCount,
        },
        {
          id: "errors",
          header: "Errors",
          cell: (command) => command.ErrorCount,
          text: (command) => command.ErrorCount,
        },
        {
          id: "at",
          header: "Requested",
          cell: (command) => <Time at={command.RequestedDateTime} short />,
          text: (command) => command.RequestedDateTime?.toISOString(),
        },
        {
          id: "comment",
          header: "Comment",
          cell: (command) => command.Comment ?? "–",
          text: (command) => command.Comment,
        },
        {
          id: "id",
          header: "Command id",
          cell: (command) => command.CommandId,
          text: (command) => command.CommandId,
          hidden: true,
        },
      ]}
      empty="No command has been sent yet."
    />
  );
}
