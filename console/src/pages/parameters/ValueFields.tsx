// The value of a parameter as it is typed; that of a secret is covered.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { useState } from "react";

import { getParameter } from "../../api/parameters";
import { toCallError } from "../../api/errors";
import { flashError } from "../../api/use";
import { VALUE_FILE } from "../../logic/parameterForm";
import { byteLength, mostBytes, patternCheck } from "../../logic/parameterStore";
import type { FieldsProps } from "./ParameterFields";

interface Props extends FieldsProps {
  /** The number of the version that it makes. */
  readonly next: number;
}

export function ValueFields({ form, before, next, set, problem, tried }: Props) {
  const [isShown, setShown] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const isSecret = form.type === "SecureString";
  const isUnsure = form.value !== "" && patternCheck(form.pattern, form.value) === "unknown";

  const askForCurrent = async (): Promise<void> => {
    setAsking(true);
    try {
      const { Parameter: current } = await getParameter.run({ Name: form.name, WithDecryption: true });
      set({ value: current?.Value ?? "" });
    } catch (error) {
      flashError(toCallError(getParameter.operation, error));
    } finally {
      setAsking(false);
    }
  };

  return (
    <Container
      header={
        <Header
          variant="h2"
          {...(before === undefined ? {} : { description: `It becomes version ${next}; those before it are kept` })}
          actions={
            isSecret && before !== undefined ? (
              <Button formAction="none" loading={isAsking} onClick={() => void askForCurrent()}>
                Begin with the current value
              </Button>
            ) : null
          }
        >
          Value
        </Header>
      }
    >
      <SpaceBetween size="s">
        <FormField
          label="Value"
          stretch
          constraintText={
            `${byteLength(form.value).toLocaleString("en")} of ${mostBytes(form.tier).toLocaleString("en")} bytes` +
            (form.type === "StringList" ? `; ${form.value.split(",").length} elements` : "")
          }
          errorText={tried || form.value !== "" ? problem("value") : undefined}
          {...(isUnsure ? { warningText: "The server will say whether it matches the allowed pattern" } : {})}
        >
          <div className={isSecret && !isShown ? "covered" : undefined}>
            <Textarea
              value={form.value}
              rows={form.value.includes("\n") ? 8 : 3}
              spellcheck={false}
              autoComplete={false}
              onChange={({ detail }) => set({ value: detail.value })}
            />
          </div>
        </FormField>
        {isSecret ? (
          <>
            <Checkbox checked={isShown} onChange={({ detail }) => setShown(detail.checked)}>
              Show what is typed
            </Checkbox>
            <Box variant="small">
              The line that is copied for the AWS CLI does not have it: it reads the value from {VALUE_FILE.slice(7)}.
            </Box>
          </>
        ) : null}
      </SpaceBetween>
    </Container>
  );
}
