// The lines that make a machine a node.

import { shellWord } from "./awsCommand";

export type Platform = "Linux" | "Windows" | "macOS";

/** What machines register with; the code is told by the answer to its creation alone. */
export interface NewActivation {
  readonly id: string;
  readonly code: string;
}

export function enrolLines(platform: Platform, endpoint: string, region: string, activation: NewActivation): string {
  const options = `--endpoint ${shellWord(endpoint)} --activation-id ${activation.id} --region ${shellWord(region)}`;
  if (platform === "Windows") {
    return [
      `$env:FETTLE_ACTIVATION_CODE = '${activation.code}'`,
      `fettle-agent.exe enroll ${options}`,
      "fettle-agent.exe run",
    ].join("\n");
  }
  return [
    `export FETTLE_ACTIVATION_CODE=${shellWord(activation.code)}`,
    `sudo -E fettle-agent enroll ${options}`,
    "sudo fettle-agent run",
  ].join("\n");
}
