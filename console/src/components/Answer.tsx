// What a page shows of one call: loading, failed, or its answer.

import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import type { CallError } from "../api/errors";
import { CallFailure } from "./CallFailure";
import { Loading } from "./Loading";

interface Props<O> {
  readonly of: UseQueryResult<O, CallError>;
  readonly what: string;
  readonly children: (answer: O) => ReactNode;
}

export function Answer<O>({ of, what, children }: Props<O>) {
  const { data, error } = of;
  // What is gone is not shown as it was. What could only not be read again stays as it was read.
  if (error !== null && (data === undefined || error.kind === "missing"))
    return <CallFailure error={error} onRetry={of.refetch} />;
  if (data !== undefined) return <>{children(data)}</>;
  return <Loading what={what} />;
}
