// What lies between two versions of a parameter.

import type { ParameterHistory } from "@aws-sdk/client-ssm";

import { DifferenceTable } from "../../components/DifferenceTable";
import { isSecret, versionDifferences } from "../../logic/parameterVersions";

interface Props {
  readonly before: ParameterHistory;
  readonly after: ParameterHistory;
}

export function VersionDifference({ before, after }: Props) {
  const secret = isSecret(after);
  return (
    <DifferenceTable
      rows={versionDifferences(before, after)}
      before={String(before.Version ?? "")}
      after={String(after.Version ?? "")}
      {...(secret ? { description: "Values of SecureStrings are not compared: show both above" } : {})}
      empty={secret ? "Nothing else differs." : "They are the same."}
    />
  );
}
