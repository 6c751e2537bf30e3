// Send a command: document, parameters, targets, rate.

import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { sendCommand } from "../../api/commands";
import { useAction } from "../../api/use";
import { go, href, part, usePlace } from "../../app/place";
import { DocumentFields, useDocumentForm } from "../../components/DocumentFields";
import { FormPage } from "../../components/FormPage";
import { RateFields } from "../../components/RateFields";
import { TargetsEditor } from "../../components/TargetsEditor";
import { fromParameters } from "../../logic/parameters";
import type { ParameterTexts } from "../../logic/parameters";
import { fromTargets, limitProblem, NO_TARGETS, targetsProblem, toTargets } from "../../logic/targets";
import type { TargetsForm } from "../../logic/targets";

function given(text: string | null): ParameterTexts {
  if (text === null) return {};
  try {
    return fromParameters(JSON.parse(text) as Record<string, string[]>);
  } catch {
    return {};
  }
}

/** Of the address: nodes by their ids, or targets as the API has them, of kinds that the form knows. */
function givenTargets(query: URLSearchParams): TargetsForm {
  const named = { ...NO_TARGETS, nodes: query.get("nodes") ?? "" };
  try {
    const targets: unknown = JSON.parse(query.get("targets") ?? "[]");
    return (Array.isArray(targets) ? fromTargets(targets as Parameters<typeof fromTargets>[0]) : undefined) ?? named;
  } catch {
    return named;
  }
}

export default function SendCommandPage() {
  const { query } = usePlace();
  const document = useDocumentForm(query.get("document") ?? "AWS-RunShellScript", given(query.get("parameters")));
  const [targets, setTargets] = useState(() => givenTargets(query));
  const [comment, setComment] = useState("");
  const [concurrency, setConcurrency] = useState("");
  const [errors, setErrors] = useState("");
  const [tried, setTried] = useState(false);
  const send = useAction(sendCommand, {
    done: () => `${document.name} is sent.`,
    onDone: (output) => go(href(`/commands/${part(output.Command?.CommandId ?? "")}`)),
  });
  const problem = targetsProblem(targets) ?? limitProblem(concurrency, false) ?? limitProblem(errors, true);
  const chosen = toTargets(targets);
  const input = {
    DocumentName: document.name,
    ...(targets.by === "nodes" ? { InstanceIds: chosen[0]?.Values ?? [] } : { Targets: chosen }),
    Parameters: document.input,
    ...(comment === "" ? {} : { Comment: comment }),
    ...(concurrency === "" ? {} : { MaxConcurrency: concurrency }),
    ...(errors === "" ? {} : { MaxErrors: errors }),
  };
  return (
    <FormPage
      title="Send command"
      submit="Send command"
      onSubmit={() => {
        setTried(true);
        if (problem === undefined && document.isComplete) send.mutate(input);
      }}
      busy={send.isPending}
      back={href("/commands")}
      request={{ service: "ssm", operation: "SendCommand", input }}
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Document</Header>}>
          <DocumentFields form={document} type="Command" tried={tried} />
        </Container>
        <Container header={<Header variant="h2">Targets</Header>}>
          <TargetsEditor form={targets} showProblem={tried} onChange={setTargets} />
        </Container>
        <Container header={<Header variant="h2">Rate and comment</Header>}>
          <RateFields
            concurrency={concurrency}
            errors={errors}
            onConcurrency={setConcurrency}
            onErrors={setErrors}
            after={
              <FormField label="Comment">
                <Input value={comment} onChange={({ detail }) => setComment(detail.value)} />
              </FormField>
            }
          />
        </Container>
      </SpaceBetween>
    </FormPage>
  );
}
