// The commands that a node was given.

import { listCommandInvocations } from "../../api/commands";
import { href, part } from "../../app/place";
import { Comment } from "../../components/Comment";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";

export function NodeCommands({ id }: { readonly id: string }) {
  return (
    <ServerTable
      id="node-commands"
      title="Commands"
      inside
      call={listCommandInvocations}
      input={{ InstanceId: id }}
      items={(output) => output.CommandInvocations}
      trackBy={(invocation) => invocation.CommandId ?? ""}
      columns={[
        {
          id: "document",
          header: "Document",
          cell: (invocation) => (
            <Link to={href(`/commands/${part(invocation.CommandId ?? "")}/${part(id)}`)}>
              {invocation.DocumentName}
            </Link>
          ),
          text: (invocation) => invocation.DocumentName,
        },
        {
          id: "status",
          header: "Status",
          cell: (invocation) => <Status status={invocation.StatusDetails ?? invocation.Status} />,
          text: (invocation) => invocation.StatusDetails,
        },
        {
          id: "at",
          header: "Requested",
          cell: (invocation) => <Time at={invocation.RequestedDateTime} short />,
          text: (invocation) => invocation.RequestedDateTime?.toISOString(),
        },
        {
          id: "comment",
          header: "Comment",
          cell: (invocation) => <Comment text={invocation.Comment} />,
          text: (invocation) => invocation.Comment,
        },
        {
          id: "id",
          header: "Command id",
          cell: (invocation) => invocation.CommandId,
          text: (invocation) => invocation.CommandId,
          hidden: true,
        },
      ]}
      empty="This node has been given no command."
    />
  );
}
