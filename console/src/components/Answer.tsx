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
  if (of.data !== undefined) return <>{children(of.data)}</>;
  if (of.error !== null) return <CallFailure error={of.error} onRetry={of.refetch} />;
  return <Loading what={what} />;
}
