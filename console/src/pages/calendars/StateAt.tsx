// How a calendar stands at a moment that somebody chooses; the moment is kept in the address.

import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { getCalendarState } from "../../api/calendars";
import { useCall } from "../../api/use";
import { useQueryValue } from "../../app/place";
import { useSettled } from "../../app/settled";
import { Answer } from "../../components/Answer";
import { CopyCommand } from "../../components/CopyCommand";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { isoSeconds, momentOf } from "../../logic/changeCalendar";

const SETTLE_MS = 300;

export function StateAt({ name }: { readonly name: string }) {
  const [typed, setTyped] = useQueryValue("at");
  const { value: settled } = useSettled(typed, typed, SETTLE_MS);
  const at = momentOf(settled);
  const input = at === undefined ? undefined : { CalendarNames: [name], AtTime: isoSeconds(at) };
  const answer = useCall(getCalendarState, input, { keep: true });
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            input === undefined ? null : (
              <CopyCommand requests={[{ service: "ssm", operation: getCalendarState.operation, input }]} />
            )
          }
        >
          At another time
        </Header>
      }
    >
      <SpaceBetween size="m">
        <FormField
          label="Time"
          constraintText="2026-12-24 18:00 in your time zone, or with one: 2026-12-24T18:00:00Z"
          errorText={typed === "" || momentOf(typed) !== undefined ? undefined : "no time of this form"}
        >
          <Input
            value={typed}
            placeholder="2026-12-24 18:00"
            onChange={({ detail }) => setTyped(detail.value === "" ? undefined : detail.value)}
          />
        </FormField>
        {input === undefined ? null : (
          <Answer of={answer} what="its state then">
            {({ State: state, AtTime: then, NextTransitionTime: next }) => (
              <Box>
                <Time at={then} />: <Status status={state} />
                {next === undefined ? (
                  <>, and so for a year.</>
                ) : (
                  <>
                    {" "}
                    until <Time at={next} />
                  </>
                )}
              </Box>
            )}
          </Answer>
        )}
      </SpaceBetween>
    </Container>
  );
}
