// Puts a label on a version of a parameter; where another version has it, it moves.

import type { ParameterHistory } from "@aws-sdk/client-ssm";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { labelVersion, unlabelVersion } from "../../api/parameters";
import { useAction } from "../../api/use";
import { CopyCommand } from "../../components/CopyCommand";
import { labelProblem } from "../../logic/parameterStore";
import { labelledVersion } from "../../logic/parameterVersions";

interface Props {
  readonly name: string;
  readonly version: number;
  readonly versions: readonly ParameterHistory[];
  readonly onClose: () => void;
}

export function LabelVersion({ name, version, versions, onClose }: Props) {
  const [label, setLabel] = useState("");
  const [tried, setTried] = useState(false);
  const problem = labelProblem(label);
  const other = labelledVersion(label, versions);
  const input = { Name: name, ParameterVersion: version, Labels: [label] };
  const put = useAction(labelVersion, {
    done: () => `Version ${version} of ${name} has the label ${label}.`,
    onDone: onClose,
  });
  const submit = (): void => {
    setTried(true);
    if (problem === undefined) put.mutate(input);
  };
  return (
    <Modal
      visible
      header={`Label version ${version}`}
      closeAriaLabel="Close"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <CopyCommand
              requests={[
                { service: "ssm", operation: labelVersion.operation, input },
                { service: "ssm", operation: unlabelVersion.operation, input },
              ]}
            />
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" loading={put.isPending} onClick={submit}>
              Add label
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <FormField
          label="Label"
          description="Another name for this version, which can be moved to a later one"
          constraintText={
            other === undefined || other === version
              ? "Letters, digits, dots, hyphens or underscores"
              : `Version ${other} has it now: it moves here`
          }
          errorText={tried || label !== "" ? problem : undefined}
        >
          <Input
            value={label}
            placeholder="prod"
            spellcheck={false}
            onChange={({ detail }) => setLabel(detail.value)}
          />
        </FormField>
      </form>
    </Modal>
  );
}
