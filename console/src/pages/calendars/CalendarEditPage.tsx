// Create a change calendar, or change one: open or closed by default, and its events as fields.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { useState } from "react";

import type { Request } from "../../api/call";
import { saveCalendar } from "../../api/calendars";
import { createDocument, getDocument } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { FormPage } from "../../components/FormPage";
import { calendarProblems, NEW_CALENDAR, newEvent, readCalendar, writeCalendar } from "../../logic/changeCalendar";
import type { CalendarForm, EventForm } from "../../logic/changeCalendar";
import { EventFields } from "./EventFields";

export default function CalendarEditPage({ params }: PageProps) {
  const name = params["name"];
  const answer = useCall(getDocument, name === undefined ? undefined : { Name: name });
  if (name === undefined) return <Editor before={undefined} />;
  return (
    <Answer of={answer} what="the calendar">
      {({ Content: text = "" }) => <Editor before={readCalendar(name, text)} />}
    </Answer>
  );
}

/** Of this event alone; browsers give no UUID to pages without TLS. */
function uid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function Editor({ before }: { readonly before: CalendarForm | undefined }) {
  const [form, setForm] = useState(before ?? NEW_CALENDAR);
  const [tried, setTried] = useState(false);
  // One moment for what is shown and what is sent.
  const [now] = useState(() => new Date());
  const set = (change: Partial<CalendarForm>): void => setForm({ ...form, ...change });
  const setEvent = (index: number, change: Partial<EventForm>): void =>
    set({ events: form.events.map((event, at) => (at === index ? { ...event, ...change } : event)) });
  const problems = calendarProblems(form);
  const problem = (place: string): string | undefined => (tried ? problems[place] : undefined);
  const page = href(`/calendars/${part(form.name)}`);
  const options = { done: () => `The change calendar ${form.name} is saved.`, onDone: () => go(page) };
  const create = useAction(createDocument, options);
  const save = useAction(saveCalendar, options);
  const Content = writeCalendar(form, now);
  const creation = {
    Name: form.name,
    DocumentType: "ChangeCalendar" as const,
    DocumentFormat: "TEXT" as const,
    Content,
  };
  const change = { Name: form.name, DocumentVersion: "$LATEST", DocumentFormat: "TEXT" as const, Content };
  const request: Request =
    before === undefined
      ? { service: "ssm", operation: "CreateDocument", input: creation }
      : { service: "ssm", operation: "UpdateDocument", input: change };
  const submit = (): void => {
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    if (before === undefined) create.mutate(creation);
    else save.mutate({ Name: form.name, Content });
  };
  const effect =
    form.type === "DEFAULT_OPEN" ? "While an event lasts, it is closed" : "While an event lasts, it is open";
  return (
    <FormPage
      title={before === undefined ? "Create change calendar" : `Edit ${form.name}`}
      submit={before === undefined ? "Create change calendar" : "Save"}
      onSubmit={submit}
      busy={create.isPending || save.isPending}
      back={before === undefined ? href("/calendars") : page}
      request={request}
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Change calendar</Header>}>
          <SpaceBetween size="m">
            {before === undefined ? (
              <FormField label="Name" errorText={problem("name")}>
                <Input
                  value={form.name}
                  placeholder="year-end-freeze"
                  onChange={({ detail }) => set({ name: detail.value.trim() })}
                />
              </FormField>
            ) : null}
            <FormField label="Description">
              <Input value={form.description} onChange={({ detail }) => set({ description: detail.value })} />
            </FormField>
            <Tiles
              ariaLabel="By default"
              value={form.type}
              items={[
                {
                  value: "DEFAULT_OPEN",
                  label: "Open by default",
                  description: "Changes may be made, but for the time of events",
                },
                {
                  value: "DEFAULT_CLOSED",
                  label: "Closed by default",
                  description: "Changes may be made in the time of events alone",
                },
              ]}
              onChange={({ detail }) => set({ type: detail.value as CalendarForm["type"] })}
            />
          </SpaceBetween>
        </Container>
        <Container
          header={
            <Header
              variant="h2"
              description={effect}
              actions={
                <Button
                  formAction="none"
                  onClick={() => {
                    const zone = form.events.at(-1)?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
                    set({ events: [...form.events, newEvent(uid(), zone)] });
                  }}
                >
                  Add an event
                </Button>
              }
            >
              Events
            </Header>
          }
        >
          <SpaceBetween size="l">
            {problem("events") === undefined ? null : <Alert type="error">{problem("events")}</Alert>}
            {form.events.length + form.keptEvents.length === 0 ? (
              <Box color="text-status-inactive">No events: it is always as by default.</Box>
            ) : null}
            {form.events.map((event, index) => (
              <EventFields
                key={index}
                number={index + 1}
                event={event}
                problem={(field) => problem(`events.${index}.${field}`)}
                onChange={(part) => setEvent(index, part)}
                onRemove={() => set({ events: form.events.filter((_, at) => at !== index) })}
              />
            ))}
            {form.keptEvents.map((event, index) => (
              <Alert
                key={event.lines.join("\n")}
                type="info"
                header={`${event.summary || "An event"} stays as it is: there are no fields for what it says`}
                action={
                  <Button
                    formAction="none"
                    onClick={() => set({ keptEvents: form.keptEvents.filter((_, at) => at !== index) })}
                  >
                    Remove
                  </Button>
                }
              >
                <pre className="output">{event.lines.join("\n")}</pre>
              </Alert>
            ))}
          </SpaceBetween>
        </Container>
      </SpaceBetween>
    </FormPage>
  );
}
