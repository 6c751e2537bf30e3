// How many nodes at the same time, and after how many errors it stops: a row of fields, with others before or after.

import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import type { ReactNode } from "react";

import { limitProblem } from "../logic/targets";

interface Props {
  readonly concurrency: string;
  readonly errors: string;
  readonly onConcurrency: (text: string) => void;
  readonly onErrors: (text: string) => void;
  readonly before?: ReactNode;
  readonly after?: ReactNode;
}

export function RateFields({ concurrency, errors, onConcurrency, onErrors, before, after }: Props) {
  return (
    <ColumnLayout columns={before === undefined && after === undefined ? 2 : 3}>
      {before}
      <FormField label="At the same time" errorText={limitProblem(concurrency, false)}>
        <Input value={concurrency} placeholder="50" onChange={({ detail }) => onConcurrency(detail.value)} />
      </FormField>
      <FormField label="Error threshold" errorText={limitProblem(errors, true)}>
        <Input value={errors} placeholder="0" onChange={({ detail }) => onErrors(detail.value)} />
      </FormField>
      {after}
    </ColumnLayout>
  );
}
