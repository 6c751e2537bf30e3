// One change calendar: open or closed now and at another time, when it changes next, and by which events.

import type { DocumentDescription } from "@aws-sdk/client-ssm";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Table from "@cloudscape-design/components/table";

import { comingChanges } from "../../api/calendars";
import { deleteDocument, describeDocument, getDocument } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Link } from "../../components/Link";
import { Missing } from "../../components/Missing";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { readCalendar } from "../../logic/changeCalendar";
import type { CalendarForm } from "../../logic/changeCalendar";
import { isOwn } from "../../logic/document";
import { span } from "../../logic/time";
import { CalendarEvents } from "./CalendarEvents";
import { StateAt } from "./StateAt";
import { POLL_MS, StateNow, UntilNow } from "./StateNow";

const SHOWN = 10;

export default function CalendarPage({ params }: PageProps) {
  const name = params["name"] ?? "";
  const described = useCall(describeDocument, { Name: name });
  const content = useCall(getDocument, { Name: name });
  return (
    <Answer of={described} what="the calendar">
      {({ Document: document }) =>
        document?.DocumentType !== "ChangeCalendar" ? (
          <Missing what={`Change calendar ${name}`} list={href("/calendars")} />
        ) : (
          <Answer of={content} what="its events">
            {({ Content: text = "" }) => <Shown name={name} document={document} calendar={readCalendar(name, text)} />}
          </Answer>
        )
      }
    </Answer>
  );
}

interface Props {
  readonly name: string;
  readonly document: DocumentDescription;
  readonly calendar: CalendarForm;
}

function Shown({ name, document, calendar }: Props) {
  const remove = useAction(deleteDocument, {
    done: () => `The change calendar ${name} is deleted.`,
    onDone: () => go(href("/calendars")),
  });
  return (
    <DetailPage
      title={name}
      {...(calendar.description === "" ? {} : { id: calendar.description })}
      requests={[
        { service: "ssm", operation: "GetCalendarState", input: { CalendarNames: [name] } },
        { service: "ssm", operation: "GetDocument", input: { Name: name } },
        ...(isOwn(document) ? [{ service: "ssm" as const, operation: "DeleteDocument", input: { Name: name } }] : []),
      ]}
      actions={
        isOwn(document) ? (
          <>
            <Confirm
              label="Delete"
              title={`Delete the change calendar ${name}?`}
              onConfirm={() => remove.mutate({ Name: name })}
            >
              All its versions are deleted. Runs of associations that name it fail, until it is there again or they name
              another.
            </Confirm>
            <Button variant="primary" href={href(`/calendars/${part(name)}/edit`)}>
              Edit
            </Button>
          </>
        ) : null
      }
    >
      <Container header={<Header variant="h2">Change calendar</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Now", value: <StateNow name={name} /> },
            { label: "Until", value: <UntilNow name={name} /> },
            {
              label: "By default",
              value: calendar.type === "DEFAULT_OPEN" ? "open, but for its events" : "closed, but for its events",
            },
            {
              label: "Document",
              value: (
                <Link to={href(`/documents/${part(name)}`)}>version {document.DefaultVersion}, sharing and text</Link>
              ),
            },
          ]}
        />
      </Container>
      <StateAt name={name} />
      <Changes name={name} />
      <CalendarEvents calendar={calendar} />
    </DetailPage>
  );
}

function Changes({ name }: { readonly name: string }) {
  const answer = useCall(comingChanges, { CalendarName: name, Most: SHOWN }, { poll: POLL_MS });
  return (
    <Answer of={answer} what="coming changes">
      {({ Changes: changes }) => (
        <Table
          header={
            <Header variant="h2" description={`The next ${SHOWN} within a year, in your time zone; UTC on hover`}>
              Coming changes
            </Header>
          }
          sortingDisabled
          wrapLines
          items={[...changes]}
          ariaLabels={{ tableLabel: "Coming changes" }}
          columnDefinitions={[
            { id: "at", header: "At", isRowHeader: true, cell: (change) => <Time at={change.at} />, minWidth: 260 },
            { id: "state", header: "It is", cell: (change) => <Status status={change.state} />, minWidth: 120 },
            {
              id: "for",
              header: "For",
              cell: (change) => {
                const next = changes[changes.indexOf(change) + 1];
                return next === undefined ? "–" : span((Date.parse(next.at) - Date.parse(change.at)) / 1000);
              },
              minWidth: 120,
            },
          ]}
          empty={<Box textAlign="center">It stays as it is for a year.</Box>}
        />
      )}
    </Answer>
  );
}
