// The server's event stream: it says what changed and nothing of what it is now. What is shown of it
// is read again through the API.

import { queries } from "./use";

const PARAMETERS = ["DescribeParameters", "GetParameter", "GetParameterHistory", "GetParametersByPath"];

/** The operations whose answers an event of a topic makes old. */
export const TOPICS: Readonly<Record<string, readonly string[]>> = {
  activations: ["DescribeActivations"],
  "advisory-feeds": ["ListAdvisoryFeeds", "DescribeAdvisories", "ExplainNodeCompliance", "GetNodeReport"],
  nodes: [
    "ListNodeSummaries",
    "ListNodesOnDay",
    "GetFleetSummary",
    "DescribeInstanceInformation",
    "DescribeInstanceProperties",
    "ListTagsForResource",
    "ListGroupResources",
  ],
  compliance: [
    "ListNodeSummaries",
    "ListNodesOnDay",
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
    // Which restarts are outstanding is part of a rollout's evidence.
    "GetRollout",
  ],
  commands: [
    "ListCommands",
    "ListCommandInvocations",
    "GetCommandInvocation",
    "GetPatchPlan",
    // A rollout counts the nodes of its command.
    "ListRollouts",
    "GetRollout",
  ],
  baselines: [
    "PreviewPatchBaseline",
    "DescribePatchBaselines",
    "GetPatchBaseline",
    "DescribePatchGroups",
    "GetDefaultPatchBaseline",
  ],
  associations: [
    "ListAssociations",
    "DescribeAssociation",
    "ListAssociationVersions",
    "DescribeAssociationExecutions",
    "DescribeInstanceAssociationsStatus",
    // What a patch policy's associations came to.
    "ListConfigurationManagers",
    "GetConfigurationManager",
    "ListConfigurations",
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
  documents: [
    "ListDocuments",
    "DescribeDocument",
    "GetDocument",
    "ListDocumentVersions",
    "DescribeDocumentPermission",
    "ListDocumentMetadataHistory",
    // Change calendars are documents.
    "GetCalendarState",
  ],
  automations: ["DescribeAutomationExecutions", "GetAutomationExecution"],
  parameters: [...PARAMETERS, "ListTagsForResource"],
  "parameter-policies": PARAMETERS,
  "patch-now": ["ListPatchNow", "GetPatchNow", "ListPatchNowNodes"],
  rollouts: ["ListRollouts", "GetRollout", "GetPatchNow"],
  "resource-groups": ["ListGroups", "GetGroup", "GetGroupQuery", "ListGroupResources", "GetTags"],
  "quick-setup": [
    "ListConfigurationManagers",
    "GetConfigurationManager",
    "ListConfigurations",
    "GetPatchPolicyRollout",
    "ListAssociations",
  ],
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

/** Streams of this page that are open. */
let following = 0;

/** A session by access key has no cookie, and so no stream: then, and only then, a page asks again by itself. */
export function pollWithoutEvents(milliseconds: number): number | undefined {
  return following > 0 ? undefined : milliseconds;
}

/** Listens until the function that it returns is called. */
export function followEvents(): () => void {
  following += 1;
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
    following -= 1;
    source.close();
    if (timer !== undefined) clearTimeout(timer);
  };
}
