// Resource groups: selections of nodes by their tags, under a name that targets can say.

import { listGroups } from "../../api/groups";
import type { GroupIdentifier } from "../../api/groups";
import { href, part } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { ListPage } from "../../components/ListPage";

const { nameColumn, textColumn } = columnsOf<GroupIdentifier>();

export default function GroupsPage() {
  return (
    <ListPage
      name="groups"
      title="Resource groups"
      description="Nodes by their tags, under a name that targets can say"
      call={listGroups}
      input={{}}
      items={(output) => output.GroupIdentifiers}
      trackBy={(group) => group.GroupName}
      add={{ label: "Create resource group", to: href("/create/group") }}
      columns={[
        nameColumn(
          "Group",
          (group) => group.GroupName,
          (group) => href(`/groups/${part(group.GroupName)}`),
        ),
        textColumn("display", "Display name", (group) => group.DisplayName || undefined),
        textColumn("description", "Description", (group) => group.Description || undefined, { minWidth: 200 }),
        textColumn("owner", "Owner", (group) => group.Owner || undefined),
        textColumn("criticality", "Criticality", (group) => group.Criticality),
        textColumn("arn", "ARN", (group) => group.GroupArn, { hidden: true }),
      ]}
      empty="There are no resource groups. One names the nodes with certain tags, as the target of commands, windows and associations."
    />
  );
}
