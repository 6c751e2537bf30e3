// The parameters of a document as fields.

import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import type { DocumentParameter } from "@aws-sdk/client-ssm";

import { defaultText } from "../logic/parameters";
import type { ParameterTexts } from "../logic/parameters";

interface Props {
  readonly parameters: readonly DocumentParameter[];
  readonly texts: ParameterTexts;
  readonly missing: readonly string[];
  readonly onChange: (texts: ParameterTexts) => void;
}

export function ParametersEditor({ parameters, texts, missing, onChange }: Props) {
  if (parameters.length === 0) return <Box color="text-status-inactive">This document takes no parameters.</Box>;
  return (
    <SpaceBetween size="m">
      {parameters.map((parameter) => {
        const name = parameter.Name ?? "";
        const value = texts[name] ?? defaultText(parameter);
        const change = ({ detail }: { detail: { value: string } }): void =>
          onChange({ ...texts, [name]: detail.value });
        return (
          <FormField
            key={name}
            label={name}
            description={parameter.Description}
            errorText={missing.includes(name) ? "this parameter has no value of its own" : undefined}
          >
            {parameter.Type === "StringList" ? (
              <Textarea value={value} rows={3} spellcheck={false} onChange={change} />
            ) : (
              <Input value={value} spellcheck={false} onChange={change} />
            )}
          </FormField>
        );
      })}
    </SpaceBetween>
  );
}
