// Change calendars: when changes may be made, and whether they may now.

import type { DocumentIdentifier } from "@aws-sdk/client-ssm";

import { listDocuments } from "../../api/documents";
import { href, part } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { ListPage } from "../../components/ListPage";
import { StateNow, UntilNow } from "./StateNow";

const { nameColumn, textColumn, timeColumn } = columnsOf<DocumentIdentifier>();

export default function CalendarsPage() {
  return (
    <ListPage
      name="calendars"
      title="Change calendars"
      description="When changes may be made: an association that names a closed one skips its run"
      call={listDocuments}
      input={{ Filters: [{ Key: "DocumentType", Values: ["ChangeCalendar"] }] }}
      items={(output) => output.DocumentIdentifiers}
      trackBy={(calendar) => calendar.Name ?? ""}
      add={{ label: "Create change calendar", to: href("/create/calendar") }}
      columns={[
        nameColumn(
          "Calendar",
          (calendar) => calendar.Name,
          (calendar) => href(`/calendars/${part(calendar.Name ?? "")}`),
        ),
        { id: "state", header: "Now", cell: (calendar) => <StateNow name={calendar.Name ?? ""} /> },
        { id: "until", header: "Until", cell: (calendar) => <UntilNow name={calendar.Name ?? ""} />, minWidth: 150 },
        textColumn("owner", "Owner", (calendar) => calendar.Owner),
        textColumn("version", "Version", (calendar) => calendar.DocumentVersion),
        timeColumn("created", "Created", (calendar) => calendar.CreatedDate),
      ]}
      empty="There are no change calendars. One says when changes may be made, and when not."
    />
  );
}
