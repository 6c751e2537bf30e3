// A call that did not succeed: which one, why, and what can be done.

import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";

import { advice, headline } from "../api/errors";
import type { CallError } from "../api/errors";

interface Props {
  readonly error: CallError;
  readonly onRetry?: () => unknown;
}

export function CallFailure({ error, onRetry }: Props) {
  const forbidden = error.kind === "forbidden";
  const action =
    onRetry === undefined || forbidden ? undefined : (
      <Button formAction="none" onClick={() => onRetry()}>
        Try again
      </Button>
    );
  return (
    <Alert type={forbidden ? "warning" : "error"} header={headline(error)} action={action}>
      {error.message}. {advice(error)}
      {error.requestId === undefined ? null : <> Request id: {error.requestId}</>}
    </Alert>
  );
}
