// Send a command: document, parameters, targets, rate.

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

import { sendCommand } from "../../api/commands";
import { describeDocument } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { go, href, part, usePlace } from "../../app/place";
import { CallFailure } from "../../components/CallFailure";
import { CopyCommand } from "../../components/CopyCommand";
import { DocumentPicker } from "../../components/DocumentPicker";
import { Loading } from "../../components/Loading";
import { ParametersEditor } from "../../components/ParametersEditor";
import { TargetsEditor } from "../../components/TargetsEditor";
import { fromParameters, missingParameters, toParameters } from "../../logic/parameters";
import type { ParameterTexts } from "../../logic/parameters";
import { limitProblem, NO_TARGETS, targetsProblem, toTargets } from "../../logic/targets";

function given(text: string | null): ParameterTexts {
  if (text === null) return {};
  try {
    return fromParameters(JSON.parse(text) as Record<string, string[]>);
  } catch {
    return {};
  }
}

export default function SendCommandPage() {
  const { query } = usePlace();
  const [document, setDocument] = useState(query.get("document") ?? "AWS-RunShellScript");
  const [texts, setTexts] = useState(() => given(query.get("parameters")));
  const [targets, setTargets] = useState({ ...NO_TARGETS, nodes: query.get("nodes") ?? "" });
  const [comment, setComment] = useState("");
  const [concurrency, setConcurrency] = useState("");
  const [errors, setErrors] = useState("");
  const [tried, setTried] = useState(false);
  const described = useCall(describeDocument, document === "" ? undefined : { Name: document });
  const parameters = described.data?.Document?.Parameters ?? [];
  const missing = missingParameters(parameters, texts);
  const send = useAction(sendCommand, {
    done: () => `${document} is sent.`,
    onDone: (output) => go(href(`/commands/${part(output.Command?.CommandId ?? "")}`)),
  });
  const problem =
    targetsProblem(targets) ??
    limitProblem(concurrency, false) ??
    limitProblem(errors, true) ??
    (document === "" ? "choose a document" : missing[0]);
  const chosen = toTargets(targets);
  const input = {
    DocumentName: document,
    ...(targets.by === "nodes" ? { InstanceIds: chosen[0]?.Values ?? [] } : { Targets: chosen }),
    Parameters: toParameters(parameters, texts),
    ...(comment === "" ? {} : { Comment: comment }),
    ...(concurrency === "" ? {} : { MaxConcurrency: concurrency }),
    ...(errors === "" ? {} : { MaxErrors: errors }),
  };

  return (
    <ContentLayout header={<Header variant="h1">Send command</Header>}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (problem === undefined && described.data !== undefined) send.mutate(input);
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <CopyCommand requests={[{ service: "ssm", operation: "SendCommand", input }]} />
              <Button variant="link" formAction="none" href={href("/commands")}>
                Cancel
              </Button>
              <Button variant="primary" loading={send.isPending}>
                Send command
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            <Container header={<Header variant="h2">Document</Header>}>
              <SpaceBetween size="m">
                <DocumentPicker
                  type="Command"
                  name={document}
                  onChange={(name) => {
                    setDocument(name);
                    setTexts({});
                  }}
                />
                {described.error !== null ? <CallFailure error={described.error} onRetry={described.refetch} /> : null}
                {described.data === undefined ? (
                  described.error === null && document !== "" ? (
                    <Loading what="parameters" />
                  ) : null
                ) : (
                  <ParametersEditor
                    parameters={parameters}
                    texts={texts}
                    missing={tried ? missing : []}
                    onChange={setTexts}
                  />
                )}
              </SpaceBetween>
            </Container>
            <Container header={<Header variant="h2">Targets</Header>}>
              <TargetsEditor form={targets} showProblem={tried} onChange={setTargets} />
            </Container>
            <Container header={<Header variant="h2">Rate and comment</Header>}>
              <ColumnLayout columns={3}>
                <FormField label="At the same time" errorText={limitProblem(concurrency, false)}>
                  <Input value={concurrency} placeholder="50" onChange={({ detail }) => setConcurrency(detail.value)} />
                </FormField>
                <FormField label="Error threshold" errorText={limitProblem(errors, true)}>
                  <Input value={errors} placeholder="0" onChange={({ detail }) => setErrors(detail.value)} />
                </FormField>
                <FormField label="Comment">
                  <Input value={comment} onChange={({ detail }) => setComment(detail.value)} />
                </FormField>
              </ColumnLayout>
            </Container>
          </SpaceBetween>
        </Form>
      </form>
    </ContentLayout>
  );
}
