// How states look. What is not known and what is old have looks of their own, which are never those of
// what is in order.

import type { ComplianceStatus } from "../api/fleet";

export type Look = "good" | "bad" | "unknown" | "stale" | "running" | "waiting" | "stopped" | "warning" | "info";

const LOOKS: Record<string, Look> = {
  // Compliance
  COMPLIANT: "good",
  NON_COMPLIANT: "bad",
  UNKNOWN: "unknown",
  STALE: "stale",
  UNSPECIFIED_DATA: "unknown",
  // Patches
  Installed: "good",
  InstalledOther: "info",
  InstalledPendingReboot: "warning",
  InstalledRejected: "bad",
  Missing: "bad",
  Failed: "bad",
  NotApplicable: "info",
  AvailableSecurityUpdate: "warning",
  // Presence
  Online: "good",
  ConnectionLost: "stale",
  Inactive: "stale",
  // Commands, associations, windows, automation
  Pending: "waiting",
  PENDING: "waiting",
  Waiting: "waiting",
  Paused: "warning",
  AwaitingApproval: "warning",
  Running: "running",
  Soaking: "running",
  Judging: "running",
  Delayed: "waiting",
  Scheduled: "waiting",
  InProgress: "running",
  IN_PROGRESS: "running",
  Cancelling: "running",
  CANCELLING: "running",
  Success: "good",
  SUCCESS: "good",
  CompletedWithSuccess: "good",
  Approved: "good",
  APPROVED: "good",
  APPROVED_LATER: "waiting",
  REJECTED: "bad",
  NOT_APPROVED: "info",
  Succeeded: "good",
  Passed: "good",
  Overruled: "warning",
  SUCCEEDED: "good",
  INITIALIZING: "waiting",
  DEPLOYING: "running",
  DELETING: "running",
  STOPPING: "running",
  STOPPED: "stopped",
  DELETE_FAILED: "bad",
  STOP_FAILED: "bad",
  NONE: "info",
  ACTIVE: "good",
  Open: "good",
  CLOSED: "stopped",
  CompletedWithFailure: "bad",
  FAILED: "bad",
  Rejected: "bad",
  TimedOut: "bad",
  TIMED_OUT: "bad",
  "Timed Out": "bad",
  Undeliverable: "bad",
  ExecutionTimedOut: "bad",
  DeliveryTimedOut: "bad",
  InvalidPlatform: "bad",
  AccessDenied: "bad",
  Incomplete: "bad",
  NoInstancesInTag: "bad",
  LimitExceeded: "bad",
  Terminated: "stopped",
  Stopped: "stopped",
  DISABLED: "stopped",
  UsedUp: "stopped",
  Expired: "stopped",
  Cancelled: "stopped",
  CANCELLED: "stopped",
  SKIPPED_OVERLAPPING: "stopped",
  Skipped: "stopped",
  Exited: "stopped",
  "Not Compliant": "bad",
};

/** `INSTALLED_PENDING_REBOOT` of the models is `InstalledPendingReboot` of the answers. */
function plain(status: string): string {
  const words = status.toLowerCase().split("_");
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

export function lookOf(status: string | undefined): Look {
  if (status === undefined || status === "") return "unknown";
  return LOOKS[status] ?? LOOKS[plain(status)] ?? "unknown";
}

const WORDS: Record<string, string> = {
  COMPLIANT: "Compliant",
  NON_COMPLIANT: "Non-compliant",
  UNKNOWN: "Unknown",
  STALE: "Stale",
  ConnectionLost: "Connection lost",
  AwaitingApproval: "Awaiting approval",
  InstalledOther: "Installed, not covered",
  InstalledPendingReboot: "Installed, pending reboot",
  InstalledRejected: "Installed, but rejected",
  NotApplicable: "Not applicable",
  AvailableSecurityUpdate: "Available security update",
  InProgress: "In progress",
  IN_PROGRESS: "In progress",
  APPROVED_LATER: "Approved later",
  NOT_APPROVED: "Not approved",
  UsedUp: "Used up",
  TimedOut: "Timed out",
  TIMED_OUT: "Timed out",
  CompletedWithSuccess: "Completed",
  CompletedWithFailure: "Completed with failures",
  SKIPPED_OVERLAPPING: "Skipped: overlapping",
};

export function wordOf(status: string | undefined): string {
  if (status === undefined || status === "") return "Unknown";
  const known = WORDS[status] ?? WORDS[plain(status)];
  if (known !== undefined) return known;
  if (/^[A-Z_]+$/.test(status)) return status.charAt(0) + status.slice(1).toLowerCase().replaceAll("_", " ");
  // `DeliveryTimedOut`
  return /^([A-Z][a-z]+){2,}$/.test(status)
    ? status.replace(/\B[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    : status;
}

/** How a node stands, the worst first. */
export const STANDINGS: readonly ComplianceStatus[] = ["NON_COMPLIANT", "STALE", "UNKNOWN", "COMPLIANT"];

/** What the worst patch of a node that is not compliant may be, the worst first. */
export const WORST_STATES = [
  "FAILED",
  "MISSING",
  "INSTALLED_REJECTED",
  "INSTALLED_PENDING_REBOOT",
  "AVAILABLE_SECURITY_UPDATE",
];
export const COMPLIANCE_STATUSES = ["COMPLIANT", "NON_COMPLIANT"];

/** States with their words, to choose from. */
export function worded(states: readonly string[]): [state: string, words: string][] {
  return states.map((state) => [state, wordOf(state)]);
}

/** Whether more may come of it. */
export function isUnderWay(status: string | undefined): boolean {
  const look = lookOf(status);
  return look === "running" || look === "waiting";
}
