// What lists of compliance are narrowed by: type, status and severity, each with how it is set.

import SpaceBetween from "@cloudscape-design/components/space-between";

import { LEVELS } from "../logic/baseline";
import { COMPLIANCE_STATUSES, worded } from "../logic/status";
import { Choice } from "./Choice";

type Chosen = readonly [value: string, set: (value: string | undefined) => void];

interface Props {
  readonly types: readonly string[];
  readonly type: Chosen;
  readonly status: Chosen;
  readonly severity: Chosen;
}

export function ComplianceChoices({ types, type, status, severity }: Props) {
  return (
    <SpaceBetween direction="horizontal" size="s">
      <Choice
        label="Compliance type"
        any="Any type"
        value={type[0]}
        values={types.map((value) => [value, value])}
        onChange={type[1]}
      />
      <Choice
        label="Status"
        any="Any status"
        value={status[0]}
        values={worded(COMPLIANCE_STATUSES)}
        onChange={status[1]}
      />
      <Choice label="Severity" any="Any severity" value={severity[0]} values={worded(LEVELS)} onChange={severity[1]} />
    </SpaceBetween>
  );
}
