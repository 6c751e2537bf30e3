// What a runbook with these values would do, as the server counts it without starting anything.

import type { AutomationExecutionPreview } from "@aws-sdk/client-ssm";
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { getExecutionPreview, startExecutionPreview } from "../../api/automations";
import { useAction, useCall } from "../../api/use";
import { Answer } from "../../components/Answer";
import { CopyCommand } from "../../components/CopyCommand";
import { Loading } from "../../components/Loading";
import { stepsByImpact, targetsWords } from "../../logic/executionPreview";
import { isUnderWay } from "../../logic/status";

interface Props {
  readonly input: { readonly DocumentName: string; readonly Parameters: Record<string, string[]> };
  readonly isComplete: boolean;
  readonly onIncomplete: () => void;
}

const POLL_MS = 1000;

export function ExecutionPreview({ input, isComplete, onIncomplete }: Props) {
  const [id, setId] = useState<string>();
  const { DocumentName, Parameters } = input;
  const request = {
    DocumentName,
    ...(Object.keys(Parameters).length === 0 ? {} : { ExecutionInputs: { Automation: { Parameters } } }),
  };
  const start = useAction(startExecutionPreview, { onDone: ({ ExecutionPreviewId }) => setId(ExecutionPreviewId) });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Counted from the runbook and these values; nothing is started"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <CopyCommand
                requests={[
                  { service: "ssm", operation: startExecutionPreview.operation, input: request },
                  ...(id === undefined
                    ? []
                    : [
                        {
                          service: "ssm" as const,
                          operation: getExecutionPreview.operation,
                          input: { ExecutionPreviewId: id },
                        },
                      ]),
                ]}
              />
              <Button
                formAction="none"
                loading={start.isPending}
                onClick={() => {
                  if (isComplete) start.mutate(request);
                  else onIncomplete();
                }}
              >
                Preview
              </Button>
            </SpaceBetween>
          }
        >
          What it would do
        </Header>
      }
    >
      {id === undefined ? (
        <Box color="text-status-inactive">Not looked at yet, or not with these values.</Box>
      ) : (
        <Made id={id} />
      )}
    </Container>
  );
}

function Made({ id }: { readonly id: string }) {
  const answer = useCall(
    getExecutionPreview,
    { ExecutionPreviewId: id },
    { poll: (data) => (isUnderWay(data?.Status) ? POLL_MS : false) },
  );
  return (
    <Answer of={answer} what="the preview">
      {({ Status: status, StatusMessage: message, ExecutionPreview: preview }) =>
        isUnderWay(status) ? (
          <Loading what="the preview" />
        ) : preview?.Automation === undefined ? (
          <Alert type="error" header="It could not be previewed">
            {message ?? "The server does not say why."}
          </Alert>
        ) : (
          <Shown preview={preview.Automation} />
        )
      }
    </Answer>
  );
}

function Shown({ preview }: { readonly preview: AutomationExecutionPreview }) {
  const steps = stepsByImpact(preview);
  const { Regions: regions = [], TotalAccounts: accounts = 1 } = preview;
  return (
    <KeyValuePairs
      columns={3}
      items={[
        ...steps.map(({ label, what, count }) => ({
          label,
          value: `${count} ${count === 1 ? "step" : "steps"}: ${what}`,
        })),
        { label: "Targets", value: targetsWords(preview) },
        { label: "Regions", value: regions.join(", ") || "–" },
        { label: "Accounts", value: accounts },
      ]}
    />
  );
}
