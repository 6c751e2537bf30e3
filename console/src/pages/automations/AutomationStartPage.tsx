// Start a runbook, after a look at what it would do.

import Container from "@cloudscape-design/components/container";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { startAutomationExecution } from "../../api/automations";
import { useAction } from "../../api/use";
import { go, href, part, usePlace } from "../../app/place";
import { DocumentFields, useDocumentForm } from "../../components/DocumentFields";
import { FormPage } from "../../components/FormPage";
import { ExecutionPreview } from "./ExecutionPreview";

export default function AutomationStartPage() {
  const { query } = usePlace();
  const document = useDocumentForm(query.get("document") ?? "");
  const [tried, setTried] = useState(false);
  const start = useAction(startAutomationExecution, {
    done: () => `${document.name} is started.`,
    onDone: (output) => go(href(`/automations/${part(output.AutomationExecutionId ?? "")}`)),
  });
  const input = { DocumentName: document.name, Parameters: document.input };
  return (
    <FormPage
      title="Start automation"
      submit="Start automation"
      onSubmit={() => {
        setTried(true);
        if (document.isComplete) start.mutate(input);
      }}
      busy={start.isPending}
      disabled={document.name === ""}
      back={href("/automations")}
      request={{ service: "ssm", operation: "StartAutomationExecution", input }}
    >
      <SpaceBetween size="l">
        <Container>
          <DocumentFields form={document} type="Automation" tried={tried} />
        </Container>
        {document.name === "" ? null : (
          <ExecutionPreview
            // What was looked at is of one document with these values.
            key={JSON.stringify(input)}
            input={input}
            isComplete={document.isComplete}
            onIncomplete={() => setTried(true)}
          />
        )}
      </SpaceBetween>
    </FormPage>
  );
}
