// Create or change a resource group: what it is called, and the tags that select its nodes, which are counted meanwhile; or
// that its nodes are to be listed.

import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { useState } from "react";

import type { Request } from "../../api/call";
import { createGroup, findGroupQuery, getGroup, updateGroup } from "../../api/groups";
import type { Group } from "../../api/groups";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { FormPage } from "../../components/FormPage";
import { formOf, groupProblems, NEW_GROUP, readQuery, toChange, toNewGroup } from "../../logic/group";
import type { GroupForm, Query } from "../../logic/group";
import { QueryFields } from "./QueryFields";

export default function GroupEditPage({ params }: PageProps) {
  const name = params["name"];
  const group = useCall(getGroup, name === undefined ? undefined : { Group: name });
  const query = useCall(findGroupQuery, name === undefined ? undefined : { Group: name });
  if (name === undefined) return <Editor before={undefined} />;
  return (
    <Answer of={group} what="the resource group">
      {({ Group: found }) => (
        <Answer of={query} what="its query">
          {({ ResourceQuery: text }) => (
            <Editor before={{ group: found, query: text === undefined ? undefined : readQuery(text) }} />
          )}
        </Answer>
      )}
    </Answer>
  );
}

interface Before {
  readonly group: Group;
  /** Absent where the members are listed. */
  readonly query: Query | undefined;
}

/** The same as lines for the AWS CLI. */
function requestsOf(form: GroupForm, before: Before | undefined): Request[] {
  const service = "resource-groups";
  if (before === undefined) return [{ service, operation: "CreateGroup", input: toNewGroup(form) }];
  const { ResourceQuery, ...facts } = toChange(form, before.query);
  const query = { Group: facts.Group, ResourceQuery };
  return [
    ...(ResourceQuery === undefined ? [] : [{ service, operation: "UpdateGroupQuery", input: query } as const]),
    { service, operation: "UpdateGroup", input: facts },
  ];
}

function Editor({ before }: { readonly before: Before | undefined }) {
  const [form, setForm] = useState(() => (before === undefined ? NEW_GROUP : formOf(before.group, before.query)));
  const [tried, setTried] = useState(false);
  const set = (change: Partial<GroupForm>): void => setForm({ ...form, ...change });
  const problems = groupProblems(form);
  const problem = (field: string): string | undefined => (tried ? problems[field] : undefined);
  const page = href(`/groups/${part(form.name)}`);
  const create = useAction(createGroup, {
    done: ({ Group: { Name } }) => `The resource group ${Name} is created.`,
    onDone: () => go(page),
  });
  const update = useAction(updateGroup, {
    done: () => `The resource group ${form.name} is saved.`,
    onDone: () => go(page),
  });
  const submit = (): void => {
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    if (before === undefined) create.mutate(toNewGroup(form));
    else update.mutate(toChange(form, before.query));
  };
  return (
    <FormPage
      title={before === undefined ? "Create resource group" : `Edit ${form.name}`}
      submit={before === undefined ? "Create resource group" : "Save"}
      onSubmit={submit}
      busy={create.isPending || update.isPending}
      back={before === undefined ? href("/groups") : page}
      request={requestsOf(form, before)}
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Resource group</Header>}>
          <SpaceBetween size="m">
            {before === undefined ? (
              <FormField label="Name" errorText={problem("name")}>
                <Input
                  value={form.name}
                  placeholder="web-prod"
                  onChange={({ detail }) => set({ name: detail.value.trim() })}
                />
              </FormField>
            ) : null}
            <FormField label="Display name" errorText={problem("displayName")}>
              <Input value={form.displayName} onChange={({ detail }) => set({ displayName: detail.value })} />
            </FormField>
            <FormField label="Description" errorText={problem("description")}>
              <Input value={form.description} onChange={({ detail }) => set({ description: detail.value })} />
            </FormField>
            <FormField label="Owner" description="Whom to ask about it" errorText={problem("owner")}>
              <Input value={form.owner} onChange={({ detail }) => set({ owner: detail.value })} />
            </FormField>
            <Criticality
              value={form.criticality}
              isKept={before?.group.Criticality !== undefined}
              onChange={(criticality) => set({ criticality })}
            />
          </SpaceBetween>
        </Container>
        <Container header={<Header variant="h2">What it selects</Header>}>
          <SpaceBetween size="m">
            {before === undefined ? (
              <Tiles
                ariaLabel="What it selects"
                columns={2}
                value={form.isListed ? "listed" : "query"}
                items={[
                  { value: "query", label: "By tags", description: "The nodes that have them at the moment" },
                  { value: "listed", label: "By hand", description: "The nodes that somebody has added to it" },
                ]}
                onChange={({ detail }) => set({ isListed: detail.value === "listed" })}
              />
            ) : null}
            {form.isListed ? (
              <Alert type="info">
                Its members are listed one by one: nothing selects them. They are added to it and taken off on its page.
              </Alert>
            ) : (
              <QueryFields form={form} problem={problem("filters")} onChange={set} />
            )}
          </SpaceBetween>
        </Container>
      </SpaceBetween>
    </FormPage>
  );
}

interface CriticalityProps {
  readonly value: string;
  /** Once it is there it can be another, and not be taken away. */
  readonly isKept: boolean;
  readonly onChange: (value: string) => void;
}

function Criticality({ value, isKept, onChange }: CriticalityProps) {
  const none = { value: "", label: "None" };
  const numbers = Array.from({ length: 10 }, (_, at) => String(at + 1));
  const options = [...(isKept ? [] : [none]), ...numbers.map((number) => ({ value: number, label: number }))];
  return (
    <FormField label="Criticality" description="1 is the most critical, 10 the least">
      <Select
        selectedOption={options.find((option) => option.value === value) ?? none}
        options={options}
        onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
      />
    </FormField>
  );
}
