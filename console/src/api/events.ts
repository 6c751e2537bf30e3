// The server's event stream: it says what changed and nothing of what it is now. What is shown of it
// is read again through the API.

import { queries } from "./use";

/** The operations whose answers an event of a topic makes old. */
export const TOPICS: Readonly<Record<string, readonly string[]>> = {
  nodes: [
    "ListNodeSummaries",
    "GetFleetSummary",
    "DescribeInstanceInformation",
    "DescribeInstanceProperties",
    "ListTagsForResource",
  ],
  compliance: [
    "ListNodeSummaries",
    "GetFleetSummary",
    "ExplainNodeCompliance",
    "GetNodeReport",
    "ListNodeReports",
    "DescribeInstancePatchStates",
    "DescribeInstancePatches",
    "ListComplianceItems",
    "ListComplianceSummaries",
    "ListResourceComplianceSummaries",
    "ListPatchExecutions",
  ],
  commands: ["ListCommands", "ListCommandInvocations", "GetCommandInvocation", "GetPatchPlan"],
  baselines: ["DescribePatchBaselines", "GetPatchBaseline", "DescribePatchGroups", "GetDefaultPatchBaseline"],
  associations: [
    "ListAssociations",
    "DescribeAssociation",
    "DescribeAssociationExecutions",
    "DescribeInstanceAssociationsStatus",
  ],
  windows: [
    "DescribeMaintenanceWindows",
    "GetMaintenanceWindow",
    "DescribeMaintenanceWindowExecutions",
    "DescribeMaintenanceWindowExecutionTasks",
    "DescribeMaintenanceWindowExecutionTaskInvocations",
    "GetMaintenanceWindowExecution",
    "DescribeMaintenanceWindowTasks",
    "DescribeMaintenanceWindowTargets",
    "GetMaintenanceWindowTask",
    "DescribeMaintenanceWindowSchedule",
  ],
  documents: ["ListDocuments", "DescribeDocument", "GetDocument", "ListDocumentVersions"],
  automations: ["DescribeAutomationExecutions", "GetAutomationExecution"],
  "patch-now": ["ListPatchNow", "GetPatchNow", "ListPatchNowNodes", "ListRollouts", "GetRollout"],
  users: ["ListUsers"],
};

/** Events come in bursts; what they touch is read once per burst. */
const SETTLE_MS = 400;

export function topicOf(data: string): string | undefined {
  try {
    const event: unknown = JSON.parse(data);
    if (typeof event === "object" && event !== null && "topic" in event && typeof event.topic === "string") {
      return event.topic;
    }
  } catch {
    // Not an event of ours.
  }
  return undefined;
}

/** Listens until the function that it returns is called. */
export function followEvents(): () => void {
  const source = new EventSource("/_fettle/events");
  let touched = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const settle = (): void => {
    timer = undefined;
    const operations = touched;
    touched = new Set();
    void queries.invalidateQueries({ predicate: (query) => operations.has(String(query.queryKey[1])) });
  };
  source.onmessage = (event: MessageEvent<string>) => {
    const topic = topicOf(event.data) ?? "";
    // Some were missed: everything may be old.
    const told = topic === "all" ? Object.values(TOPICS).flat() : (TOPICS[topic] ?? []);
    for (const operation of told) touched.add(operation);
    if (touched.size > 0) timer ??= setTimeout(settle, SETTLE_MS);
  };
  return () => {
    source.close();
    if (timer !== undefined) clearTimeout(timer);
  };
}
