// When a maintenance window opens next; one that has no time ahead says so.

import { Time } from "../../components/Time";

interface Props {
  readonly of: { readonly Enabled?: boolean | undefined; readonly NextExecutionTime?: string | undefined };
}

export function OpensNext({ of: { Enabled: isEnabled, NextExecutionTime: next } }: Props) {
  return isEnabled === true && next === undefined ? <>not again</> : <Time at={next} />;
}
