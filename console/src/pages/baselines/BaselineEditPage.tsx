// Create, clone or change a patch baseline; every field, checked while it is typed.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";

import { createPatchBaseline, getPatchBaseline, updatePatchBaseline } from "../../api/baselines";
import { useAction, useCall } from "../../api/use";
import { useNamed } from "../../app/names";
import { go, href, part, useQueryValue } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { CopyCommand } from "../../components/CopyCommand";
import {
  fromBaseline,
  fromJson,
  LEVELS,
  NEW_BASELINE,
  NEW_RULE,
  OPERATING_SYSTEMS,
  patchNames,
  problems,
  toInput,
} from "../../logic/baseline";
import type { BaselineForm } from "../../logic/baseline";
import { wordOf } from "../../logic/status";
import { BaselinePreview } from "./BaselinePreview";
import { FiltersEditor } from "./FiltersEditor";
import { RuleEditor } from "./RuleEditor";
import { SourcesEditor } from "./SourcesEditor";

export default function BaselineEditPage({ params }: PageProps) {
  const id = params["id"];
  const [from] = useQueryValue("from");
  const source = id ?? from;
  const answer = useCall(getPatchBaseline, source === "" ? undefined : { BaselineId: source });
  useNamed(`/baselines/${part(source)}`, answer.data?.Name);
  if (source === "") return <Editor initial={NEW_BASELINE} id={undefined} />;
  return (
    <Answer of={answer} what="the patch baseline">
      {(baseline) => {
        const known = fromBaseline(baseline);
        const name = `${(baseline.Name ?? "").replace(/^AWS-/, "")}-copy`;
        return <Editor initial={id === undefined ? { ...known, name } : known} id={id} />;
      }}
    </Answer>
  );
}

function Editor({ initial, id }: { readonly initial: BaselineForm; readonly id: string | undefined }) {
  const [form, setForm] = useState(initial);
  const [touched, setTouched] = useState(id !== undefined);
  const set = (change: Partial<BaselineForm>): void => {
    setTouched(true);
    setForm({ ...form, ...change });
  };
  const found = problems(form);
  const problem = (place: string): string | undefined => (touched ? found[place] : undefined);
  const broken = Object.keys(found).length > 0;
  const open = (baselineId: string | undefined): void => go(href(`/baselines/${part(baselineId ?? "")}`));
  const create = useAction(createPatchBaseline, {
    done: () => `${form.name} is created.`,
    onDone: (output) => open(output.BaselineId),
  });
  const update = useAction(updatePatchBaseline, { done: () => `${form.name} is saved.`, onDone: () => open(id) });
  const { OperatingSystem: _, ...changes } = toInput(form);
  const request =
    id === undefined
      ? { service: "ssm" as const, operation: "CreatePatchBaseline", input: toInput(form) }
      : {
          service: "ssm" as const,
          operation: "UpdatePatchBaseline",
          input: { BaselineId: id, Replace: true, ...changes },
        };
  const save = (): void => {
    setTouched(true);
    if (broken) return;
    if (id === undefined) create.mutate(toInput(form));
    else update.mutate({ BaselineId: id, Replace: true, ...changes });
  };
  const linux = form.system !== "WINDOWS" && form.system !== "MACOS";

  return (
    <ContentLayout
      header={<Header variant="h1">{id === undefined ? "Create patch baseline" : `Edit ${initial.name}`}</Header>}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <CopyCommand requests={[request]} />
              <Button
                variant="link"
                formAction="none"
                href={id === undefined ? href("/baselines") : href(`/baselines/${part(id)}`)}
              >
                Cancel
              </Button>
              <Button variant="primary" loading={create.isPending || update.isPending} disabled={touched && broken}>
                {id === undefined ? "Create patch baseline" : "Save"}
              </Button>
            </SpaceBetween>
          }
        >
          <div className="beside">
            <SpaceBetween size="l">
              <Container header={<Header variant="h2">Patch baseline</Header>}>
                <SpaceBetween size="m">
                  <FormField label="Name" errorText={problem("name")}>
                    <Input value={form.name} onChange={({ detail }) => set({ name: detail.value })} />
                  </FormField>
                  <FormField label="Description" errorText={problem("description")}>
                    <Input value={form.description} onChange={({ detail }) => set({ description: detail.value })} />
                  </FormField>
                  <FormField
                    label="Operating system"
                    description={id === undefined ? undefined : "It cannot be changed any more."}
                  >
                    <Select
                      disabled={id !== undefined}
                      selectedOption={{ value: form.system, label: form.system }}
                      options={OPERATING_SYSTEMS.map((value) => ({ value, label: value }))}
                      onChange={({ detail }) =>
                        set({
                          system: detail.selectedOption.value ?? form.system,
                          rules: [NEW_RULE],
                          globalFilters: {},
                        })
                      }
                    />
                  </FormField>
                </SpaceBetween>
              </Container>
              {form.rules.map((rule, index) => (
                <RuleEditor
                  key={index}
                  number={index + 1}
                  system={form.system}
                  rule={rule}
                  problem={(field) => problem(`rules.${index}.${field}`)}
                  onChange={(next) => set({ rules: form.rules.map((other, at) => (at === index ? next : other)) })}
                  onRemove={() => set({ rules: form.rules.filter((__, at) => at !== index) })}
                />
              ))}
              <Button
                formAction="none"
                disabled={form.rules.length >= 10}
                onClick={() => set({ rules: [...form.rules, NEW_RULE] })}
              >
                Add rule
              </Button>
              <Container header={<Header variant="h2">Exceptions</Header>}>
                <SpaceBetween size="m">
                  <FormField
                    label="Approved patches"
                    constraintText={`One a line; ${patchNames(form.approved).length} of 50`}
                    errorText={problem("approved")}
                  >
                    <Textarea
                      value={form.approved}
                      rows={3}
                      onChange={({ detail }) => set({ approved: detail.value })}
                    />
                  </FormField>
                  <FormField label="Their compliance level">
                    <Select
                      selectedOption={{ value: form.approvedLevel, label: wordOf(form.approvedLevel) }}
                      options={LEVELS.map((value) => ({ value, label: wordOf(value) }))}
                      onChange={({ detail }) =>
                        set({ approvedLevel: detail.selectedOption.value ?? form.approvedLevel })
                      }
                    />
                  </FormField>
                  {linux ? (
                    <Checkbox
                      checked={form.approvedNonSecurity}
                      onChange={({ detail }) => set({ approvedNonSecurity: detail.checked })}
                    >
                      Approved patches may be non-security updates
                    </Checkbox>
                  ) : null}
                  <FormField
                    label="Rejected patches"
                    constraintText={`One a line; ${patchNames(form.rejected).length} of 50`}
                    errorText={problem("rejected")}
                  >
                    <Textarea
                      value={form.rejected}
                      rows={3}
                      onChange={({ detail }) => set({ rejected: detail.value })}
                    />
                  </FormField>
                  {form.system === "WINDOWS" ? (
                    <FormField
                      label="Security updates that wait for approval"
                      description="What a node counts as that lacks one which no rule approves yet"
                    >
                      <Select
                        selectedOption={AVAILABLE.find((option) => option.value === form.availableSecurity) ?? null}
                        options={AVAILABLE}
                        onChange={({ detail }) => set({ availableSecurity: detail.selectedOption.value ?? "" })}
                      />
                    </FormField>
                  ) : null}
                  <FormField label="Rejected patches are">
                    <Select
                      selectedOption={REJECTED.find((option) => option.value === form.rejectedAction) ?? null}
                      options={REJECTED}
                      onChange={({ detail }) =>
                        set({ rejectedAction: detail.selectedOption.value ?? form.rejectedAction })
                      }
                    />
                  </FormField>
                </SpaceBetween>
              </Container>
              <ExpandableSection variant="container" headerText="Global filters and sources">
                <SpaceBetween size="l">
                  <FormField
                    label="Global filters"
                    description="Only what matches these is looked at, whatever the rules say"
                  >
                    <FiltersEditor
                      system={form.system}
                      filters={form.globalFilters}
                      onChange={(globalFilters) => set({ globalFilters })}
                    />
                  </FormField>
                  {linux ? (
                    <SourcesEditor
                      sources={form.sources}
                      problem={(place) => problem(`sources.${place}`)}
                      onChange={(sources) => set({ sources })}
                    />
                  ) : null}
                </SpaceBetween>
              </ExpandableSection>
              <JsonImport
                onImport={(imported) => set(id === undefined ? imported : { ...imported, system: form.system })}
              />
            </SpaceBetween>
            <div className="beside-panel">
              <BaselinePreview form={form} id={id} />
            </div>
          </div>
        </Form>
      </form>
    </ContentLayout>
  );
}

const AVAILABLE = [
  { value: "", label: "As the server has it" },
  { value: "COMPLIANT", label: "Compliant" },
  { value: "NON_COMPLIANT", label: "Non-compliant" },
];

const REJECTED = [
  { value: "ALLOW_AS_DEPENDENCY", label: "Allowed as dependencies" },
  { value: "BLOCK", label: "Blocked, dependencies as well" },
];

function JsonImport({ onImport }: { readonly onImport: (form: BaselineForm) => void }) {
  const [text, setText] = useState("");
  const [error, setError] = useState<string>();
  const take = (): void => {
    try {
      onImport(fromJson(text));
      setError(undefined);
      setText("");
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause));
    }
  };
  return (
    <ExpandableSection variant="container" headerText="Fill this form from JSON">
      <SpaceBetween size="s">
        <FormField
          label="JSON"
          description="As a baseline's page exports it, or as get-patch-baseline prints it"
          errorText={error}
        >
          <Textarea value={text} rows={6} spellcheck={false} onChange={({ detail }) => setText(detail.value)} />
        </FormField>
        <Box>
          <Button formAction="none" disabled={text.trim() === ""} onClick={take}>
            Fill the form
          </Button>
        </Box>
      </SpaceBetween>
    </ExpandableSection>
  );
}
