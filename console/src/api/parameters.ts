// Parameter Store.

import type {
  DeleteParametersRequest,
  DeleteParametersResult,
  DescribeParametersRequest,
  DescribeParametersResult,
  GetParameterHistoryRequest,
  GetParameterHistoryResult,
  GetParameterRequest,
  GetParameterResult,
  GetParametersByPathRequest,
  GetParametersByPathResult,
  LabelParameterVersionRequest,
  LabelParameterVersionResult,
  ParameterHistory,
  PutParameterRequest,
  PutParameterResult,
  UnlabelParameterVersionRequest,
  UnlabelParameterVersionResult,
} from "@aws-sdk/client-ssm";

import { everyPage } from "../logic/pages";
import type { Call } from "./call";
import { plain } from "./plain";
import { queries } from "./use";

export const describeParameters = plain<DescribeParametersRequest, DescribeParametersResult>("DescribeParameters");
export const getParameter = plain<GetParameterRequest, GetParameterResult>("GetParameter");
export const putParameter = plain<PutParameterRequest, PutParameterResult>("PutParameter");
export const labelVersion = plain<LabelParameterVersionRequest, LabelParameterVersionResult>("LabelParameterVersion");
export const unlabelVersion = plain<UnlabelParameterVersionRequest, UnlabelParameterVersionResult>(
  "UnlabelParameterVersion",
);

const historyPage = plain<GetParameterHistoryRequest, GetParameterHistoryResult>("GetParameterHistory");
const HISTORY_PAGE = 50;

export interface WholeHistory {
  readonly Parameters: readonly ParameterHistory[];
  readonly NextToken?: undefined;
}

/** All versions, a hundred at most, the newest first: the operation begins with the oldest. */
export const getParameterHistory: Call<GetParameterHistoryRequest, WholeHistory> = {
  ...historyPage,
  run: async (input, signal) => {
    const page = { ...historyPage, run: (one: GetParameterHistoryRequest) => historyPage.run(one, signal) };
    const versions = await everyPage(page, { ...input, MaxResults: HISTORY_PAGE }, (output) => output.Parameters);
    return { Parameters: versions.reverse() };
  },
};

const byPath = plain<GetParametersByPathRequest, GetParametersByPathResult>("GetParametersByPath");
export const MOST_BY_PATH = 10;

/** It takes no larger pages. */
export const getParametersByPath: Call<GetParametersByPathRequest, GetParametersByPathResult> = {
  ...byPath,
  run: (input, signal) =>
    byPath.run({ ...input, MaxResults: Math.min(input.MaxResults ?? MOST_BY_PATH, MOST_BY_PATH) }, signal),
};

const deleteTen = plain<DeleteParametersRequest, DeleteParametersResult>("DeleteParameters");
const MOST_NAMES = 10;

export interface Deleted {
  readonly deleted: number;
  /** Those that were not there any more. */
  readonly missing: readonly string[];
}

/** As many calls as it takes. */
export function deletions(names: readonly string[]): DeleteParametersRequest[] {
  const requests: DeleteParametersRequest[] = [];
  for (let at = 0; at < names.length; at += MOST_NAMES) requests.push({ Names: names.slice(at, at + MOST_NAMES) });
  return requests;
}

export const deleteParameters: Call<{ readonly names: readonly string[] }, Deleted> = {
  ...deleteTen,
  run: async ({ names }) => {
    let deleted = 0;
    const missing: string[] = [];
    for (const request of deletions(names)) {
      const output = await deleteTen.run(request);
      deleted += output.DeletedParameters?.length ?? 0;
      missing.push(...(output.InvalidParameters ?? []));
    }
    return { deleted, missing };
  },
};

/** What was read decrypted is kept no longer than it is shown. */
export function forgetSecrets(): void {
  queries.removeQueries({
    type: "inactive",
    predicate: ({ queryKey: [, operation, input] }) =>
      operation === getParameter.operation &&
      typeof input === "object" &&
      input !== null &&
      "WithDecryption" in input &&
      input.WithDecryption === true,
  });
}
