// The form of a parameter. What is there already stays as it was when the form was opened; that a newer version was made
// meanwhile is said.

import type { ParameterMetadata } from "@aws-sdk/client-ssm";
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { putParameter } from "../../api/parameters";
import { session } from "../../api/session";
import { useAction } from "../../api/use";
import { go, href } from "../../app/place";
import { FormPage } from "../../components/FormPage";
import { TagFields } from "../../components/TagFields";
import { NEW_PARAMETER, parameterProblems, shownPut, toPut } from "../../logic/parameterForm";
import type { ParameterForm } from "../../logic/parameterForm";
import { arnPrefix } from "../../logic/parameterStore";
import { ParameterFields } from "./ParameterFields";
import { pageOfParameter } from "./ParameterList";
import { ParameterPoliciesEditor } from "./ParameterPoliciesEditor";
import { ValueFields } from "./ValueFields";

interface Props {
  readonly before: ParameterForm | undefined;
  /** As it is now. */
  readonly newest: ParameterMetadata | undefined;
}

export function ParameterEditor(props: Props) {
  const [{ before, newest: opened }] = useState(props);
  const newest = props.newest;
  const [form, setForm] = useState(before ?? NEW_PARAMETER);
  const [tried, setTried] = useState(false);
  const set = (change: Partial<ParameterForm>): void => setForm((last) => ({ ...last, ...change }));
  const who = session();
  const problems = parameterProblems(
    form,
    before,
    arnPrefix(who?.region ?? "us-east-1", who?.accountId ?? ""),
    new Date(),
  );
  const isNew = before === undefined;
  const next = (newest?.Version ?? 0) + 1;
  const put = useAction(putParameter, {
    done: ({ Version: version = 1 }) =>
      isNew ? `${form.name} is created.` : `${form.name} is saved as version ${version}.`,
    onDone: () => go(pageOfParameter(form.name)),
  });
  const submit = (): void => {
    setTried(true);
    if (Object.keys(problems).length === 0) put.mutate(toPut(form, before));
  };
  const problem = (place: string): string | undefined => problems[place];
  return (
    <FormPage
      title={isNew ? "Create parameter" : `Edit ${form.name}`}
      submit={isNew ? "Create parameter" : `Save version ${next}`}
      onSubmit={submit}
      busy={put.isPending}
      back={isNew ? href("/parameters") : pageOfParameter(form.name)}
      request={{ service: "ssm", operation: putParameter.operation, input: shownPut(form, before) }}
    >
      <SpaceBetween size="l">
        {newest !== undefined && opened !== undefined && newest.Version !== opened.Version ? (
          <Alert type="warning" header={`Version ${newest.Version ?? ""} was made since this form was opened`}>
            By {newest.LastModifiedUser ?? "somebody"}. Saving makes version {next} with the value that is here.
          </Alert>
        ) : null}
        <ParameterFields form={form} before={before} set={set} problem={problem} tried={tried} />
        <ValueFields form={form} before={before} next={next} set={set} problem={problem} tried={tried} />
        <ParameterPoliciesEditor
          form={form.policies}
          tier={form.tier}
          problem={problem}
          onChange={(policies) => set({ policies })}
          onTier={(tier) => set({ tier })}
        />
        {isNew ? (
          <Container header={<Header variant="h2">Tags</Header>}>
            {problem("tags") === undefined ? null : <Box color="text-status-error">{problem("tags")}</Box>}
            <TagFields items={form.tags} empty="No tags." example="Env" onChange={(tags) => set({ tags })} />
          </Container>
        ) : null}
      </SpaceBetween>
    </FormPage>
  );
}
