// Create an activation, then the lines with which machines join by it, and how many have.

import type { Activation } from "@aws-sdk/client-ssm";
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { createActivation, describeActivations } from "../../api/activations";
import { pollWithoutEvents } from "../../api/events";
import { useAction, useCall } from "../../api/use";
import { href } from "../../app/place";
import { Answer } from "../../components/Answer";
import { DetailPage } from "../../components/DetailPage";
import { EnrolLines } from "../../components/EnrolLines";
import { FormPage } from "../../components/FormPage";
import { Link } from "../../components/Link";
import { Status } from "../../components/Status";
import { TagFields } from "../../components/TagFields";
import { Time } from "../../components/Time";
import { activationProblems, LIFETIMES, NEW_ACTIVATION, stateOf, toActivation, usedText } from "../../logic/activation";
import type { ActivationForm } from "../../logic/activation";
import type { NewActivation } from "../../logic/enrol";

const POLL_MS = 5000;

export default function ActivationCreatePage() {
  const [made, setMade] = useState<NewActivation>();
  if (made !== undefined) return <Made activation={made} onAgain={() => setMade(undefined)} />;
  return <Editor onMade={setMade} />;
}

function Editor({ onMade }: { readonly onMade: (activation: NewActivation) => void }) {
  const [form, setForm] = useState(NEW_ACTIVATION);
  const [tried, setTried] = useState(false);
  const set = (change: Partial<ActivationForm>): void => setForm({ ...form, ...change });
  const problems = activationProblems(form);
  const problem = (field: string): string | undefined => (tried ? problems[field] : undefined);
  const create = useAction(createActivation, {
    done: () => "The activation is created.",
    onDone: (output) => onMade({ id: output.ActivationId ?? "", code: output.ActivationCode ?? "" }),
  });
  const submit = (): void => {
    setTried(true);
    if (Object.keys(problems).length === 0) create.mutate(toActivation(form, new Date()));
  };
  return (
    <FormPage
      title="Create activation"
      submit="Create activation"
      onSubmit={submit}
      busy={create.isPending}
      back={href("/activations")}
      request={{ service: "ssm", operation: "CreateActivation", input: toActivation(form, new Date()) }}
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Activation</Header>}>
          <SpaceBetween size="m">
            <FormField label="Number of machines" constraintText="1 to 1000" errorText={problem("limit")}>
              <Input
                value={form.limit}
                inputMode="numeric"
                onChange={({ detail }) => set({ limit: detail.value.trim() })}
              />
            </FormField>
            <FormField label="Lets machines in for" errorText={problem("hours")}>
              <Select
                selectedOption={{
                  value: form.hours,
                  label: LIFETIMES.find(({ hours }) => hours === form.hours)?.label ?? form.hours,
                }}
                options={LIFETIMES.map(({ hours, label }) => ({ value: hours, label }))}
                onChange={({ detail }) => set({ hours: detail.selectedOption.value ?? form.hours })}
              />
            </FormField>
            <FormField
              label="Default name"
              description="The name of nodes that register with it, until they get one of their own"
              errorText={problem("name")}
            >
              <Input value={form.name} placeholder="web" onChange={({ detail }) => set({ name: detail.value })} />
            </FormField>
            <FormField label="Description" errorText={problem("description")}>
              <Input value={form.description} onChange={({ detail }) => set({ description: detail.value })} />
            </FormField>
            <FormField
              label="Role"
              description="Kept with its nodes, for clients of AWS that ask"
              errorText={problem("role")}
            >
              <Input value={form.role} onChange={({ detail }) => set({ role: detail.value })} />
            </FormField>
          </SpaceBetween>
        </Container>
        <Container
          header={
            <Header variant="h2" description="Its nodes get them when they register">
              Tags
            </Header>
          }
        >
          <FormField stretch errorText={problem("tags")}>
            <TagFields items={form.tags} empty="No tags." example="PatchGroup" onChange={(tags) => set({ tags })} />
          </FormField>
        </Container>
      </SpaceBetween>
    </FormPage>
  );
}

interface MadeProps {
  readonly activation: NewActivation;
  readonly onAgain: () => void;
}

function Made({ activation, onAgain }: MadeProps) {
  const input = { Filters: [{ FilterKey: "ActivationIds" as const, FilterValues: [activation.id] }] };
  const poll = pollWithoutEvents(POLL_MS);
  const answer = useCall(describeActivations, input, poll === undefined ? {} : { poll });
  return (
    <DetailPage
      title="Add nodes"
      id={activation.id}
      requests={[{ service: "ssm", operation: "DescribeActivations", input }]}
      actions={
        <>
          <Button onClick={onAgain}>Create another</Button>
          <Button variant="primary" href={href("/activations")}>
            Done
          </Button>
        </>
      }
    >
      <Alert type="warning" header="The code is shown this once">
        Keep these lines until the machines have joined. Whoever has the code can register a machine with it: delete the
        activation when it is not needed any more.
      </Alert>
      <Container
        header={
          <Header variant="h2" description="On each machine, with the agent installed">
            Paste these lines
          </Header>
        }
      >
        <EnrolLines activation={activation} />
      </Container>
      <Container header={<Header variant="h2">Machines that have registered</Header>}>
        <Answer of={answer} what="the activation">
          {({ ActivationList }) => <Used activation={ActivationList?.[0]} />}
        </Answer>
      </Container>
    </DetailPage>
  );
}

function Used({ activation }: { readonly activation: Activation | undefined }) {
  if (activation === undefined) return <Box>This activation was deleted: nobody registers with it any more.</Box>;
  return (
    <SpaceBetween size="xs">
      <Box fontSize="heading-m">{usedText(activation)}</Box>
      <SpaceBetween direction="horizontal" size="s">
        <Status status={stateOf(activation)} />
        <Box>
          Expires <Time at={activation.ExpirationDate} />
        </Box>
      </SpaceBetween>
      <Link to={href("/nodes")}>To the nodes</Link>
    </SpaceBetween>
  );
}
