// Calls in components: what was read is kept under service, operation and input, so that two parts of
// a page that ask the same share one answer, and a change anywhere can have it read again.

import { keepPreviousData, QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { UseMutationResult, UseQueryResult } from "@tanstack/react-query";

import { useEffect } from "react";

import { flash } from "../app/flash";
import type { Call } from "./call";
import { CallError, advice } from "./errors";
import { sessionLost } from "./session";

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What changes is told by the event stream, or asked for by the page that shows it.
      staleTime: 10_000,
      refetchOnWindowFocus: true,
      retry: (failures, error) =>
        failures < 1 && error instanceof CallError && (error.kind === "unreachable" || error.kind === "broken"),
    },
  },
});

queries.getQueryCache().subscribe((event) => {
  if (event.type !== "updated" || event.action.type !== "error") return;
  const error: unknown = event.action.error;
  if (error instanceof CallError && error.kind === "signed-out") sessionLost();
});

export interface UseCallOptions<O> {
  /** Asks again after so many milliseconds; a function may say no. */
  readonly poll?: number | ((answer: O | undefined) => number | false);
  /** Shows the last answer while the next one (another page, another filter) is on its way. */
  readonly keep?: boolean;
}

/** Reads; with no input it waits until there is one. */
export function useCall<I extends object, O>(
  call: Call<I, O>,
  input: I | undefined,
  options: UseCallOptions<O> = {},
): UseQueryResult<O, CallError> {
  const { poll, keep } = options;
  return useQuery<O, CallError, O>({
    queryKey: [call.service, call.operation, input],
    queryFn: ({ signal }) => call.run(input as I, signal),
    enabled: input !== undefined,
    ...(keep === true ? { placeholderData: keepPreviousData } : {}),
    ...(poll === undefined
      ? {}
      : {
          // What is gone does not come back.
          refetchInterval: ({ state: { data, error } }) =>
            error?.kind === "missing" ? false : typeof poll === "number" ? poll : poll(data),
        }),
  });
}

/** Reads what a call answered once more when something has ended: the last change came after the last look. */
export function useLastLook(isOver: boolean, call: Call<never, unknown>): void {
  const client = useQueryClient();
  const { service, operation } = call;
  useEffect(() => {
    if (isOver) void client.invalidateQueries({ queryKey: [service, operation] });
  }, [client, isOver, service, operation]);
}

export interface ActionOptions<I, O> {
  /** What to say when it is done. */
  readonly done?: (output: O, input: I) => string;
  readonly onDone?: (output: O, input: I) => void;
}

/** Changes something: says when it is done or what failed, and has everything that is shown read again. */
export function useAction<I extends object, O>(
  call: Call<I, O>,
  options: ActionOptions<I, O> = {},
): UseMutationResult<O, CallError, I> {
  const client = useQueryClient();
  return useMutation<O, CallError, I>({
    mutationFn: (input) => call.run(input),
    onSuccess: async (output, input) => {
      if (options.done !== undefined) flash({ type: "success", content: options.done(output, input) });
      options.onDone?.(output, input);
      await client.invalidateQueries();
    },
    onError: (error) => flashError(error),
  });
}

export function flashError(error: CallError): void {
  if (error.kind === "signed-out") sessionLost();
  flash({
    type: "error",
    header: `${error.operation} failed: ${error.code}`,
    content: `${error.message}. ${advice(error)}${error.requestId === undefined ? "" : ` Request id ${error.requestId}.`}`,
  });
}
