// Users: who may sign in beside root.

import { listUsers } from "../../api/users";
import type { User } from "../../api/users";
import { href, part } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { ListPage } from "../../components/ListPage";
import { Time } from "../../components/Time";

const { nameColumn, statusColumn, textColumn, timeColumn } = columnsOf<User>();

export default function UsersPage() {
  return (
    <ListPage
      name="users"
      title="Users"
      description="Who may sign in beside root"
      call={listUsers}
      input={{}}
      items={(output) => output.Users}
      trackBy={(user) => user.UserName}
      add={{ label: "Create user", to: href("/create/user") }}
      columns={[
        nameColumn(
          "User",
          (user) => user.UserName,
          (user) => href(`/users/${part(user.UserName)}`),
        ),
        statusColumn((user) => user.Status),
        {
          ...textColumn("policies", "Policies", (user) => Object.keys(user.Policies).join(" ")),
          cell: (user) => Object.keys(user.Policies).join(", ") || "none: may do nothing",
        },
        {
          ...timeColumn("password", "Password set", (user) => user.PasswordChangedAt),
          cell: (user) => (user.PasswordChangedAt === undefined ? "none" : <Time at={user.PasswordChangedAt} short />),
        },
        timeColumn("created", "Created", (user) => user.CreatedAt),
        textColumn("arn", "ARN", (user) => user.Arn, { hidden: true }),
      ]}
      empty="There are no users: only root signs in. A user has a password and policies that say what it may do."
    />
  );
}
