// Users: who may sign in beside root.

import Button from "@cloudscape-design/components/button";

import { listUsers } from "../../api/users";
import { href, part } from "../../app/place";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { toDate } from "../../logic/time";

export default function UsersPage() {
  return (
    <ServerTable
      id="users"
      title="Users"
      description="Who may sign in beside root"
      call={listUsers}
      input={{}}
      items={(output) => output.Users}
      trackBy={(user) => user.UserName}
      actions={
        <Button variant="primary" href={href("/users/create")}>
          Create user
        </Button>
      }
      columns={[
        {
          id: "name",
          header: "User",
          cell: (user) => <Link to={href(`/users/${part(user.UserName)}`)}>{user.UserName}</Link>,
          text: (user) => user.UserName,
          minWidth: 180,
        },
        {
          id: "status",
          header: "Status",
          cell: (user) => <Status status={user.Status} />,
          text: (user) => user.Status,
        },
        {
          id: "policies",
          header: "Policies",
          cell: (user) => Object.keys(user.Policies).join(", ") || "none: may do nothing",
          text: (user) => Object.keys(user.Policies).join(" "),
        },
        {
          id: "password",
          header: "Password set",
          cell: (user) => (user.PasswordChangedAt === undefined ? "none" : <Time at={user.PasswordChangedAt} short />),
          text: (user) => toDate(user.PasswordChangedAt)?.toISOString(),
        },
        {
          id: "created",
          header: "Created",
          cell: (user) => <Time at={user.CreatedAt} short />,
          text: (user) => toDate(user.CreatedAt)?.toISOString(),
        },
        { id: "arn", header: "ARN", cell: (user) => user.Arn, text: (user) => user.Arn, hidden: true },
      ]}
      empty="There are no users: only root signs in. A user has a password and policies that say what it may do."
    />
  );
}
