// Which document something runs, with which parameters.

import SpaceBetween from "@cloudscape-design/components/space-between";
import type { DocumentParameter } from "@aws-sdk/client-ssm";
import { useState } from "react";

import { describeDocument } from "../api/documents";
import type { CallError } from "../api/errors";
import { useCall } from "../api/use";
import { missingParameters, toParameters } from "../logic/parameters";
import type { ParameterTexts } from "../logic/parameters";
import { CallFailure } from "./CallFailure";
import { DocumentPicker } from "./DocumentPicker";
import { Loading } from "./Loading";
import { ParametersEditor } from "./ParametersEditor";

export interface DocumentForm {
  readonly name: string;
  readonly texts: ParameterTexts;
  /** What the document takes, as soon as it is known. */
  readonly parameters: readonly DocumentParameter[] | undefined;
  readonly error: CallError | null;
  readonly retry: () => unknown;
  readonly missing: readonly string[];
  /** A document is chosen, and all that it must be given is there. */
  readonly isComplete: boolean;
  /** As the API takes it. */
  readonly input: Record<string, string[]>;
  readonly choose: (name: string) => void;
  readonly setTexts: (texts: ParameterTexts) => void;
}

export function useDocumentForm(first: string, firstTexts: ParameterTexts = {}): DocumentForm {
  const [name, setName] = useState(first);
  const [texts, setTexts] = useState(firstTexts);
  const described = useCall(describeDocument, name === "" ? undefined : { Name: name });
  const parameters =
    described.data === undefined || name === "" ? undefined : (described.data.Document?.Parameters ?? []);
  const missing = missingParameters(parameters ?? [], texts);
  return {
    name,
    texts,
    parameters,
    error: described.error,
    retry: described.refetch,
    missing,
    isComplete: parameters !== undefined && missing.length === 0,
    input: toParameters(parameters ?? [], texts),
    choose: (next) => {
      setName(next);
      setTexts({});
    },
    setTexts,
  };
}

interface Props {
  readonly form: DocumentForm;
  readonly type: "Command" | "Automation";
  /** Says which values are missing. */
  readonly tried: boolean;
}

export function DocumentFields({ form, type, tried }: Props) {
  return (
    <SpaceBetween size="m">
      <DocumentPicker type={type} name={form.name} onChange={form.choose} />
      {form.error === null ? null : <CallFailure error={form.error} onRetry={form.retry} />}
      {form.name === "" || form.error !== null ? null : form.parameters === undefined ? (
        <Loading what="parameters" />
      ) : (
        <ParametersEditor
          parameters={form.parameters}
          texts={form.texts}
          missing={tried ? form.missing : []}
          onChange={form.setTexts}
        />
      )}
    </SpaceBetween>
  );
}
