// Calls of the `fettle` model as the public API has them: JSON 1.1 to the origin of the page, the
// operation in a header. Signing is left to whoever needs it.

import { CallError, toCallError } from "./errors";

export const CONTENT_TYPE = "application/x-amz-json-1.1";

interface ErrorBody {
  __type?: string;
  message?: string;
  Message?: string;
}

export interface Outgoing {
  headers: Record<string, string>;
  body: string;
  /** Of services that name an operation by method and path. */
  method?: string;
  path?: string;
}

export function outgoing(operation: string, input: object): Outgoing {
  return {
    headers: { "content-type": CONTENT_TYPE, "x-amz-target": `Fettle.${operation}` },
    body: JSON.stringify(input),
  };
}

/** Sends what is ready to be sent, and reads the answer. */
export async function exchange<O>(operation: string, request: Outgoing, signal?: AbortSignal): Promise<O> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(request.path ?? "/", {
      method: request.method ?? "POST",
      headers: request.headers,
      ...(request.body === "" ? {} : { body: request.body }),
      credentials: "same-origin",
      ...(signal === undefined ? {} : { signal }),
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw toCallError(operation, error);
  }
  if (response.ok) return JSON.parse(text === "" ? "{}" : text) as O;
  const body = errorBody(text);
  const code = (body.__type ?? `Http${response.status}`).split("#").pop() ?? "";
  const message = body.message ?? body.Message ?? response.statusText;
  throw new CallError(operation, code, message, response.status, response.headers.get("x-amzn-requestid") ?? undefined);
}

function errorBody(text: string): ErrorBody {
  try {
    return JSON.parse(text) as ErrorBody;
  } catch {
    return {};
  }
}

/** The few operations of sign-in that take no signature. */
export function unsigned<O>(operation: string, input: object): Promise<O> {
  return exchange<O>(operation, outgoing(operation, input));
}
