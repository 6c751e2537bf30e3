// What every page calls: an operation of the public API by its name, with the input that it takes.
// The name and the input are kept beside the function, so that a page can say which call failed and
// offer the same call as a line for the AWS CLI.

export type Service = "ssm" | "fettle" | "ssm-quicksetup" | "resource-groups";

export interface Call<I, O> {
  readonly service: Service;
  readonly operation: string;
  readonly run: (input: I, signal?: AbortSignal) => Promise<O>;
}

/** A call with its input: what a page shows, copies and repeats. */
export interface Request {
  readonly service: Service;
  readonly operation: string;
  readonly input: object;
}
