// Resource groups: nodes by their tags or by a list, under a name that targets can say.

import { listGroups } from "../../api/groups";
import type { GroupIdentifier } from "../../api/groups";
import { href, part, usePlace } from "../../app/place";
import { AddressFilter, NothingMatches } from "../../components/AddressFilter";
import { columnsOf } from "../../components/columns";
import { ListPage } from "../../components/ListPage";
import { filterValues } from "../../logic/addressFilter";
import { FILTERS } from "../../logic/group";

const { nameColumn, textColumn } = columnsOf<GroupIdentifier>();

export default function GroupsPage() {
  const { query } = usePlace();
  const filters = filterValues(FILTERS, query).map(({ key, values }) => ({ Name: key, Values: values }));
  return (
    <ListPage
      name="groups"
      title="Resource groups"
      description="Nodes by their tags or by a list, under a name that targets can say"
      call={listGroups}
      input={filters.length === 0 ? {} : { Filters: filters }}
      items={(output) => output.GroupIdentifiers}
      trackBy={(group) => group.GroupName}
      add={{ label: "Create resource group", to: href("/create/group") }}
      filter={<AddressFilter keys={FILTERS} what="groups" placeholder="Filter by display name, owner, criticality" />}
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
      empty={
        filters.length === 0 ? (
          "There are no resource groups. One names nodes, by their tags or by a list, as the target of commands, windows and associations."
        ) : (
          <NothingMatches words="No resource group matches this filter." />
        )
      }
    />
  );
}
