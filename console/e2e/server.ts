// The tests' own way to the server, past the browser: what somebody else does meanwhile.

import { SSMClient } from "@aws-sdk/client-ssm";

import { given } from "./person";

export function ssmClient(): SSMClient {
  return new SSMClient({
    endpoint: given("FETTLE_TEST_ORIGIN"),
    region: "us-east-1",
    credentials: { accessKeyId: given("FETTLE_TEST_KEY"), secretAccessKey: given("FETTLE_TEST_SECRET") },
  });
}
