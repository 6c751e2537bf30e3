// Maintenance windows, and a calendar of when they open next.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Cards from "@cloudscape-design/components/cards";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { describeSchedule, describeWindows } from "../../api/windows";
import { useCall } from "../../api/use";
import { href, part } from "../../app/place";
import { Answer } from "../../components/Answer";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { Status } from "../../components/Status";
import { byDay } from "../../logic/calendar";
import { OpensNext } from "./OpensNext";

const SHOWN = 30;

export default function WindowsPage() {
  return (
    <SpaceBetween size="l">
      <ServerTable
        id="windows"
        title="Maintenance windows"
        call={describeWindows}
        input={{}}
        items={(output) => output.WindowIdentities}
        trackBy={(window) => window.WindowId ?? ""}
        actions={
          <Button variant="primary" href={href("/windows/create")}>
            Create maintenance window
          </Button>
        }
        columns={[
          {
            id: "name",
            header: "Name",
            cell: (window) => <Link to={href(`/windows/${part(window.WindowId ?? "")}`)}>{window.Name}</Link>,
            text: (window) => window.Name,
            minWidth: 180,
          },
          {
            id: "state",
            header: "State",
            cell: (window) =>
              window.Enabled === true ? (
                <Status status="Online" text="Enabled" />
              ) : (
                <Status status="Cancelled" text="Disabled" />
              ),
            text: (window) => String(window.Enabled),
          },
          { id: "schedule", header: "Schedule", cell: (window) => window.Schedule, text: (window) => window.Schedule },
          {
            id: "zone",
            header: "Time zone",
            cell: (window) => window.ScheduleTimezone ?? "UTC",
            text: (window) => window.ScheduleTimezone,
          },
          {
            id: "duration",
            header: "Duration",
            cell: ({ Duration: hours = 0, Cutoff: cutoff = 0 }) =>
              `${hours} h, ${cutoff === 0 ? "no" : `${cutoff} h of`} cut-off`,
            text: (window) => window.Duration,
          },
          {
            id: "next",
            header: "Opens next",
            cell: (window) => <OpensNext of={window} />,
            text: (window) => window.NextExecutionTime,
            minWidth: 200,
          },
          {
            id: "id",
            header: "Window id",
            cell: (window) => window.WindowId,
            text: (window) => window.WindowId,
            hidden: true,
          },
        ]}
        empty="There are no maintenance windows. One says when nodes may be changed, and what is done then."
      />
      <Calendar />
    </SpaceBetween>
  );
}

function Calendar() {
  const answer = useCall(describeSchedule, { MaxResults: SHOWN });
  return (
    <Answer of={answer} what="the calendar">
      {({ ScheduledWindowExecutions: rows = [] }) => {
        const days = byDay(rows);
        return (
          <Cards
            header={
              <Header variant="h2" description="In your time zone; UTC on hover">
                Next occurrences
              </Header>
            }
            items={days}
            ariaLabels={{ itemSelectionLabel: (_, day) => day.label, selectionGroupLabel: "Days" }}
            cardsPerRow={[{ cards: 1 }, { minWidth: 600, cards: 3 }, { minWidth: 1100, cards: 5 }]}
            cardDefinition={{
              header: (day) => day.label,
              sections: [
                {
                  id: "windows",
                  content: (day) =>
                    day.occurrences.map((occurrence) => (
                      <div key={`${occurrence.id} ${occurrence.at.toISOString()}`}>
                        <time
                          dateTime={occurrence.at.toISOString()}
                          title={`${occurrence.at.toISOString().slice(0, 16).replace("T", " ")} UTC`}
                        >
                          {occurrence.at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })}
                        </time>{" "}
                        <Link to={href(`/windows/${part(occurrence.id)}`)}>{occurrence.name}</Link>
                      </div>
                    )),
                },
              ],
            }}
            empty={<Box textAlign="center">No window opens by itself.</Box>}
          />
        );
      }}
    </Answer>
  );
}
