// The events of a calendar as it says them: when, how often, and whether they have an effect.

import Box from "@cloudscape-design/components/box";
import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";

import { isAdvisory, isKept, repeatWords, whenWords } from "../../logic/changeCalendar";
import type { CalendarForm } from "../../logic/changeCalendar";

export function CalendarEvents({ calendar }: { readonly calendar: CalendarForm }) {
  const effect = calendar.type === "DEFAULT_OPEN" ? "closed meanwhile" : "open meanwhile";
  return (
    <Table
      header={
        <Header variant="h2" counter={`(${calendar.events.length + calendar.keptEvents.length})`}>
          Events
        </Header>
      }
      sortingDisabled
      wrapLines
      items={[...calendar.events, ...calendar.keptEvents]}
      ariaLabels={{ tableLabel: "Events" }}
      columnDefinitions={[
        { id: "summary", header: "Event", isRowHeader: true, cell: (event) => event.summary || "–", minWidth: 160 },
        {
          id: "when",
          header: "First",
          cell: (event) => (isKept(event) ? <pre className="output">{event.lines.join("\n")}</pre> : whenWords(event)),
          minWidth: 260,
        },
        {
          id: "repeats",
          header: "How often",
          cell: (event) => (isKept(event) ? "as it says" : repeatWords(event)),
          minWidth: 160,
        },
        {
          id: "effect",
          header: "Effect",
          cell: (event) => (isAdvisory(event) ? "none: it only tells" : effect),
          minWidth: 140,
        },
      ]}
      empty={<Box textAlign="center">No events: it is always as by default.</Box>}
    />
  );
}
