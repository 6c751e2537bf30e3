// What went wrong with a call, said so that a person knows which call it was and what to do.

export type FailureKind = "forbidden" | "signed-out" | "missing" | "unreachable" | "refused" | "broken";

const MISSING =
  /^(DoesNotExistException|ResourceNotFoundException|Invalid(InstanceId|CommandId|Document)|InvocationDoesNotExist|Parameter(Version)?NotFound)$/;

/** A call that was answered with an error, or not at all. */
export class CallError extends Error {
  readonly operation: string;
  readonly code: string;
  readonly requestId: string | undefined;
  readonly kind: FailureKind;
  /** Of a call that is not allowed: the operation, or the other action that it needs (`kms:Decrypt`). */
  readonly denied: string | undefined;

  constructor(operation: string, code: string, message: string, status: number | undefined, requestId?: string) {
    super(message);
    this.name = "CallError";
    this.operation = operation;
    this.code = code;
    this.requestId = requestId;
    this.kind = kindOf(code, status);
    this.denied = this.kind === "forbidden" ? deniedAction(operation, message) : undefined;
  }
}

function deniedAction(operation: string, message: string): string {
  const [, action = operation] = / is not authorized to perform: (\S+) on resource: /.exec(message) ?? [];
  return action.endsWith(`:${operation}`) ? operation : action;
}

/** The call and what became of it, in a few words. */
export function headline({ kind, operation, denied, code }: CallError): string {
  if (kind !== "forbidden") return `${operation} failed: ${code}`;
  return denied === operation
    ? `You may not call ${operation}`
    : `You lack the permission ${denied ?? ""}, which ${operation} needs`;
}

function kindOf(code: string, status: number | undefined): FailureKind {
  if (code === "AccessDeniedException" || code === "ForbiddenException") return "forbidden";
  if (["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"].includes(code)) {
    return "signed-out";
  }
  if (MISSING.test(code) || code.endsWith("DoesNotExist") || code.endsWith("NotFoundException")) return "missing";
  if (status === undefined) return "unreachable";
  return status >= 500 ? "broken" : "refused";
}

/** The error of any client, with the operation that it belongs to. */
export function toCallError(operation: string, error: unknown): CallError {
  if (error instanceof CallError) return error;
  if (typeof error === "object" && error !== null && "$metadata" in error) {
    const { name, message, $metadata } = error as {
      name?: string;
      message?: string;
      $metadata: { httpStatusCode?: number; requestId?: string };
    };
    const code = name ?? "UnknownError";
    return new CallError(
      operation,
      code,
      message !== undefined && message !== "" ? message : code,
      $metadata.httpStatusCode,
      $metadata.requestId,
    );
  }
  const message = error instanceof Error ? error.message : String(error);
  return new CallError(operation, "NoAnswer", `the server did not answer: ${message}`, undefined);
}

/** What the reader can do about it. */
export function advice(error: CallError): string {
  switch (error.kind) {
    case "forbidden":
      if (error.operation === "ChangePassword") return "The password was not changed.";
      return `Your policy does not allow ${error.denied ?? error.operation}. Ask whoever administers this server for that permission.`;
    case "signed-out":
      return "Your session is over, or its clock differs from the server's. Sign in again.";
    case "missing":
      return "It may have been deleted since this page was opened.";
    case "unreachable":
      return "Check that the server runs and that this machine reaches it, then try again.";
    case "broken":
      return "This is the server's fault: its log has the cause under the request id.";
    case "refused":
      return "The server refused the request as it was sent.";
  }
}
