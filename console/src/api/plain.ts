// Operations of `ssm` in the SDK's shapes, but sent without the SDK's descriptions of them: those of all operations are one file,
// which is part of the first load.

import type { Call } from "./call";
import { signedHeaders } from "./signed";
import { CONTENT_TYPE, exchange } from "./wire";

/** The times that these operations answer: seconds on the wire, Dates in the SDK's shapes. */
const TIMES = ["LastModifiedDate", "CreatedDate", "CreateTime", "UpdatedTime", "EndedAt"];

export function withDates(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(withDates);
  if (typeof answer !== "object" || answer === null) return answer;
  const members = Object.entries(answer).map(([name, value]: [string, unknown]) => [
    name,
    TIMES.includes(name) && typeof value === "number" ? new Date(value * 1000) : withDates(value),
  ]);
  return Object.fromEntries(members) as object;
}

export function plain<I extends object, O>(operation: string): Call<I, O> {
  return {
    service: "ssm",
    operation,
    run: async (input, signal) => {
      const body = JSON.stringify(input);
      const headers = { "content-type": CONTENT_TYPE, "x-amz-target": `AmazonSSM.${operation}` };
      const signed = await signedHeaders({ service: "ssm", method: "POST", path: "/", headers, body });
      return withDates(await exchange(operation, { headers: signed, body }, signal)) as O;
    },
  };
}
