// Create an association: document, parameters, targets, schedule.

import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { createAssociation } from "../../api/associations";
import { describeDocument } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import { CallFailure } from "../../components/CallFailure";
import { CopyCommand } from "../../components/CopyCommand";
import { DocumentPicker } from "../../components/DocumentPicker";
import { ParametersEditor } from "../../components/ParametersEditor";
import { TargetsEditor } from "../../components/TargetsEditor";
import { missingParameters, toParameters } from "../../logic/parameters";
import type { ParameterTexts } from "../../logic/parameters";
import { scheduleProblem } from "../../logic/schedule";
import { limitProblem, NO_TARGETS, targetsProblem, toTargets } from "../../logic/targets";
import type { TargetsForm } from "../../logic/targets";

export default function AssociationCreatePage() {
  const [name, setName] = useState("");
  const [document, setDocument] = useState("AWS-RunPatchBaseline");
  const [texts, setTexts] = useState<ParameterTexts>({ Operation: "Scan" });
  const [targets, setTargets] = useState<TargetsForm>({ ...NO_TARGETS, by: "all" });
  const [schedule, setSchedule] = useState("rate(1 day)");
  const [concurrency, setConcurrency] = useState("");
  const [errors, setErrors] = useState("");
  const [tried, setTried] = useState(false);
  const described = useCall(describeDocument, document === "" ? undefined : { Name: document });
  const parameters = described.data?.Document?.Parameters ?? [];
  const missing = missingParameters(parameters, texts);
  const wrongName =
    name === "" || /^[a-zA-Z0-9_\-.]{3,128}$/.test(name)
      ? undefined
      : "3 to 128 letters, digits, dots, hyphens or underscores";
  const wrongSchedule = scheduleProblem(schedule, true);
  const create = useAction(createAssociation, {
    done: () => "The association is created; it runs for the first time now.",
    onDone: (output) => go(href(`/associations/${part(output.AssociationDescription?.AssociationId ?? "")}`)),
  });
  const input = {
    Name: document,
    Targets: toTargets(targets),
    Parameters: toParameters(parameters, texts),
    ...(name === "" ? {} : { AssociationName: name }),
    ...(schedule === "" ? {} : { ScheduleExpression: schedule }),
    ...(concurrency === "" ? {} : { MaxConcurrency: concurrency }),
    ...(errors === "" ? {} : { MaxErrors: errors }),
  };
  const broken =
    document === "" ||
    described.data === undefined ||
    missing.length > 0 ||
    (wrongName ??
      wrongSchedule ??
      targetsProblem(targets) ??
      limitProblem(concurrency, false) ??
      limitProblem(errors, true)) !== undefined;

  return (
    <ContentLayout header={<Header variant="h1">Create association</Header>}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (!broken) create.mutate(input);
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <CopyCommand requests={[{ service: "ssm", operation: "CreateAssociation", input }]} />
              <Button variant="link" formAction="none" href={href("/associations")}>
                Cancel
              </Button>
              <Button variant="primary" loading={create.isPending}>
                Create association
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            <Container header={<Header variant="h2">Document</Header>}>
              <SpaceBetween size="m">
                <FormField label="Name of the association" errorText={wrongName}>
                  <Input value={name} placeholder="daily-scan" onChange={({ detail }) => setName(detail.value)} />
                </FormField>
                <DocumentPicker
                  type="Command"
                  name={document}
                  onChange={(next) => {
                    setDocument(next);
                    setTexts({});
                  }}
                />
                {described.error === null ? null : <CallFailure error={described.error} onRetry={described.refetch} />}
                <ParametersEditor
                  parameters={parameters}
                  texts={texts}
                  missing={tried ? missing : []}
                  onChange={setTexts}
                />
              </SpaceBetween>
            </Container>
            <Container header={<Header variant="h2">Targets</Header>}>
              <TargetsEditor form={targets} showProblem={tried} onChange={setTargets} />
            </Container>
            <Container header={<Header variant="h2">Schedule and rate</Header>}>
              <ColumnLayout columns={3}>
                <FormField label="Schedule" description="Empty: once" errorText={wrongSchedule}>
                  <Input value={schedule} onChange={({ detail }) => setSchedule(detail.value)} />
                </FormField>
                <FormField label="At the same time" errorText={limitProblem(concurrency, false)}>
                  <Input value={concurrency} placeholder="50" onChange={({ detail }) => setConcurrency(detail.value)} />
                </FormField>
                <FormField label="Error threshold" errorText={limitProblem(errors, true)}>
                  <Input value={errors} placeholder="0" onChange={({ detail }) => setErrors(detail.value)} />
                </FormField>
              </ColumnLayout>
            </Container>
          </SpaceBetween>
        </Form>
      </form>
    </ContentLayout>
  );
}
