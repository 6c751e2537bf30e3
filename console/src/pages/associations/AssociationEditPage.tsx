// Create or change an association: document, parameters, targets, schedule.

import type { AssociationDescription } from "@aws-sdk/client-ssm";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { createAssociation, describeAssociation, updateAssociation } from "../../api/associations";
import { describeDocument } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { DocumentFields, useDocumentForm } from "../../components/DocumentFields";
import { FormPage } from "../../components/FormPage";
import { RateFields } from "../../components/RateFields";
import { TargetsChoice } from "../../components/TargetsChoice";
import { associationProblems, fromAssociation, keptOf, NEW_ASSOCIATION, toAssociation } from "../../logic/association";
import type { AssociationForm } from "../../logic/association";
import { fromParameters } from "../../logic/parameters";

export default function AssociationEditPage({ params }: PageProps) {
  const id = params["id"];
  const answer = useCall(describeAssociation, id === undefined ? undefined : { AssociationId: id });
  if (id === undefined) return <Editor before={undefined} type="Command" />;
  return (
    <Answer of={answer} what="the association">
      {({ AssociationDescription: before = {} }) => <Known before={before} />}
    </Answer>
  );
}

/** Which kind of document it is, the document says. */
function Known({ before }: { readonly before: AssociationDescription }) {
  const document = useCall(describeDocument, { Name: before.Name ?? "" });
  return (
    <Answer of={document} what="the document">
      {(found) => (
        <Editor before={before} type={found.Document?.DocumentType === "Automation" ? "Automation" : "Command"} />
      )}
    </Answer>
  );
}

/** The older form of an association names its one node. */
function targetsOf(before: AssociationDescription | undefined) {
  const node = before?.InstanceId;
  return node === undefined ? (before?.Targets ?? []) : [{ Key: "InstanceIds", Values: [node] }];
}

interface EditorProps {
  readonly before: AssociationDescription | undefined;
  readonly type: "Command" | "Automation";
}

function Editor({ before, type }: EditorProps) {
  const [form, setForm] = useState(() => (before === undefined ? NEW_ASSOCIATION : fromAssociation(before)));
  const document = useDocumentForm(
    before?.Name ?? "AWS-RunPatchBaseline",
    before === undefined ? { Operation: "Scan" } : fromParameters(before.Parameters ?? {}),
  );
  const [tried, setTried] = useState(false);
  const set = (change: Partial<AssociationForm>): void => setForm({ ...form, ...change });
  const problems = associationProblems(form);
  const open = (id: string | undefined): void => go(href(`/associations/${part(id ?? "")}`));
  const create = useAction(createAssociation, {
    done: () => "The association is created; it runs for the first time now.",
    onDone: (output) => open(output.AssociationDescription?.AssociationId),
  });
  const update = useAction(updateAssociation, {
    done: () => "The association is saved as a new version; it runs now.",
    onDone: () => open(before?.AssociationId),
  });
  const input = toAssociation(form, document.name, document.input);
  const changes = { ...keptOf(before ?? {}, document.name, form.schedule !== ""), ...input };
  const submit = (): void => {
    setTried(true);
    if (Object.keys(problems).length > 0 || !document.isComplete) return;
    if (before === undefined) create.mutate(input);
    else update.mutate(changes);
  };
  return (
    <FormPage
      title={before === undefined ? "Create association" : "Edit association"}
      submit={before === undefined ? "Create association" : "Save"}
      onSubmit={submit}
      busy={create.isPending || update.isPending}
      back={before === undefined ? href("/associations") : href(`/associations/${part(before.AssociationId ?? "")}`)}
      of={before?.AssociationName ?? before?.Name}
      request={
        before === undefined
          ? { service: "ssm", operation: "CreateAssociation", input }
          : { service: "ssm", operation: "UpdateAssociation", input: changes }
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Document</Header>}>
          <SpaceBetween size="m">
            <FormField label="Name of the association" errorText={problems["name"]}>
              <Input
                value={form.name}
                placeholder="daily-scan"
                onChange={({ detail }) => set({ name: detail.value })}
              />
            </FormField>
            <DocumentFields form={document} type={type} tried={tried} />
          </SpaceBetween>
        </Container>
        <Container header={<Header variant="h2">Targets</Header>}>
          <TargetsChoice
            form={form.targets}
            kept={targetsOf(before)}
            showProblem={tried}
            onChange={(targets) => set({ targets })}
          />
        </Container>
        <Container header={<Header variant="h2">Schedule and rate</Header>}>
          <RateFields
            concurrency={form.concurrency}
            errors={form.errors}
            onConcurrency={(concurrency) => set({ concurrency })}
            onErrors={(errors) => set({ errors })}
            before={
              <FormField label="Schedule" description="Empty: once. Times are UTC" errorText={problems["schedule"]}>
                <Input value={form.schedule} onChange={({ detail }) => set({ schedule: detail.value })} />
              </FormField>
            }
          />
        </Container>
      </SpaceBetween>
    </FormPage>
  );
}
