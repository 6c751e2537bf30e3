// Start a runbook.

import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Form from "@cloudscape-design/components/form";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { startAutomationExecution } from "../../api/automations";
import { describeDocument } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { go, href, part, usePlace } from "../../app/place";
import { CallFailure } from "../../components/CallFailure";
import { CopyCommand } from "../../components/CopyCommand";
import { DocumentPicker } from "../../components/DocumentPicker";
import { ParametersEditor } from "../../components/ParametersEditor";
import { missingParameters, toParameters } from "../../logic/parameters";
import type { ParameterTexts } from "../../logic/parameters";

export default function AutomationStartPage() {
  const { query } = usePlace();
  const [document, setDocument] = useState(query.get("document") ?? "");
  const [texts, setTexts] = useState<ParameterTexts>({});
  const [tried, setTried] = useState(false);
  const described = useCall(describeDocument, document === "" ? undefined : { Name: document });
  const parameters = described.data?.Document?.Parameters ?? [];
  const missing = missingParameters(parameters, texts);
  const start = useAction(startAutomationExecution, {
    done: () => `${document} is started.`,
    onDone: (output) => go(href(`/automations/${part(output.AutomationExecutionId ?? "")}`)),
  });
  const input = { DocumentName: document, Parameters: toParameters(parameters, texts) };
  return (
    <ContentLayout header={<Header variant="h1">Start automation</Header>}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (described.data !== undefined && missing.length === 0) start.mutate(input);
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <CopyCommand requests={[{ service: "ssm", operation: "StartAutomationExecution", input }]} />
              <Button variant="link" formAction="none" href={href("/automations")}>
                Cancel
              </Button>
              <Button variant="primary" disabled={document === ""} loading={start.isPending}>
                Start automation
              </Button>
            </SpaceBetween>
          }
        >
          <Container>
            <SpaceBetween size="m">
              <DocumentPicker
                type="Automation"
                name={document}
                onChange={(name) => {
                  setDocument(name);
                  setTexts({});
                }}
              />
              {described.error === null ? null : <CallFailure error={described.error} onRetry={described.refetch} />}
              {document === "" ? null : (
                <ParametersEditor
                  parameters={parameters}
                  texts={texts}
                  missing={tried ? missing : []}
                  onChange={setTexts}
                />
              )}
            </SpaceBetween>
          </Container>
        </Form>
      </form>
    </ContentLayout>
  );
}
