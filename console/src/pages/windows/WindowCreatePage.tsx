// Create a maintenance window: when it opens, for how long.

import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { createWindow } from "../../api/windows";
import { useAction } from "../../api/use";
import { go, href, part } from "../../app/place";
import { CopyCommand } from "../../components/CopyCommand";
import { scheduleProblem } from "../../logic/schedule";

export default function WindowCreatePage() {
  const [name, setName] = useState("");
  const [schedule, setSchedule] = useState("cron(0 2 ? * SUN *)");
  const [zone, setZone] = useState(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [duration, setDuration] = useState("3");
  const [cutoff, setCutoff] = useState("1");
  const [unassociated, setUnassociated] = useState(false);
  const [tried, setTried] = useState(false);
  const hours = Number(duration);
  const before = Number(cutoff);
  const wrongName = /^[a-zA-Z0-9_\-.]{3,128}$/.test(name)
    ? undefined
    : "3 to 128 letters, digits, dots, hyphens or underscores";
  const wrongSchedule = scheduleProblem(schedule, false);
  const wrongDuration = Number.isInteger(hours) && hours >= 1 && hours <= 24 ? undefined : "1 to 24 hours";
  const wrongCutoff =
    Number.isInteger(before) && before >= 0 && before < hours && before <= 23 ? undefined : "shorter than the window";
  const create = useAction(createWindow, {
    done: () => `${name} is created.`,
    onDone: (output) => go(href(`/windows/${part(output.WindowId ?? "")}`)),
  });
  const input = {
    Name: name,
    Schedule: schedule,
    Duration: hours,
    Cutoff: before,
    AllowUnassociatedTargets: unassociated,
    ...(zone === "" ? {} : { ScheduleTimezone: zone }),
  };
  return (
    <ContentLayout header={<Header variant="h1">Create maintenance window</Header>}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if ((wrongName ?? wrongSchedule ?? wrongDuration ?? wrongCutoff) === undefined) create.mutate(input);
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <CopyCommand requests={[{ service: "ssm", operation: "CreateMaintenanceWindow", input }]} />
              <Button variant="link" formAction="none" href={href("/windows")}>
                Cancel
              </Button>
              <Button variant="primary" loading={create.isPending}>
                Create maintenance window
              </Button>
            </SpaceBetween>
          }
        >
          <Container>
            <SpaceBetween size="m">
              <FormField label="Name" errorText={tried ? wrongName : undefined}>
                <Input value={name} placeholder="sundays" onChange={({ detail }) => setName(detail.value)} />
              </FormField>
              <ColumnLayout columns={2}>
                <FormField label="Schedule" constraintText="cron(…), rate(…) or at(…)" errorText={wrongSchedule}>
                  <Input value={schedule} onChange={({ detail }) => setSchedule(detail.value)} />
                </FormField>
                <FormField label="Time zone" constraintText="An IANA name; empty: UTC">
                  <Input value={zone} onChange={({ detail }) => setZone(detail.value)} />
                </FormField>
                <FormField label="Duration in hours" errorText={wrongDuration}>
                  <Input type="number" value={duration} onChange={({ detail }) => setDuration(detail.value)} />
                </FormField>
                <FormField
                  label="Cut-off in hours"
                  description="So long before the end nothing new begins"
                  errorText={wrongCutoff}
                >
                  <Input type="number" value={cutoff} onChange={({ detail }) => setCutoff(detail.value)} />
                </FormField>
              </ColumnLayout>
              <Checkbox checked={unassociated} onChange={({ detail }) => setUnassociated(detail.checked)}>
                Tasks may address nodes that are not targets of the window
              </Checkbox>
            </SpaceBetween>
          </Container>
        </Form>
      </form>
    </ContentLayout>
  );
}
