// The nodes of something that is there already: as a form where the form knows their kind, else as they are, until
// others are chosen.

import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";

import { NO_TARGETS, targetsText } from "../logic/targets";
import type { TargetsForm } from "../logic/targets";
import { TargetsEditor } from "./TargetsEditor";

interface Props {
  /** Nothing: they stay as they are. */
  readonly form: TargetsForm | undefined;
  readonly kept: readonly { readonly Key?: string | undefined; readonly Values?: readonly string[] | undefined }[];
  readonly onChange: (form: TargetsForm) => void;
  readonly showProblem: boolean;
  /** Those that can be chosen: all of them, where it is not said. */
  readonly kinds?: readonly TargetsForm["by"][];
}

export function TargetsChoice({ form, kept, onChange, showProblem, kinds }: Props) {
  if (form !== undefined)
    return <TargetsEditor form={form} showProblem={showProblem} kinds={kinds} onChange={onChange} />;
  return (
    <Alert
      type="info"
      header="These targets stay as they are"
      action={
        <Button formAction="none" onClick={() => onChange({ ...NO_TARGETS, by: kinds?.[0] ?? NO_TARGETS.by })}>
          Choose others
        </Button>
      }
    >
      {targetsText(kept) || "None."}
    </Alert>
  );
}
