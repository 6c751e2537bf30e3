// A staged rollout in words: what may be said to it, what a ring must show, what it has shown.

import type { Rollout, RolloutEvidence, RolloutGates, RolloutPlan, RolloutRing, RolloutSignal } from "../api/rollouts";

/** By its rings a rollout is known. */
export function ringsText({ Rings: rings }: Rollout): string {
  return rings.map((ring) => ring.Name).join(" → ");
}

export function isOver(rollout: Rollout): boolean {
  return ["Stopped", "Succeeded", "CompletedWithFailure"].includes(rollout.Status);
}

/** What the status alone does not say: who failed, and what was passed over. */
export function failuresInWords({ FailedNodes: failed, OverruledRings: overruled }: Rollout): string {
  const nodes = failed === 0 ? "none" : failed === 1 ? "1 node" : `${failed} nodes`;
  return overruled.length === 0 ? nodes : `${nodes}; overruled: ${overruled.join(", ")}`;
}

/** What has an effect where it stands. */
export function signalsOf(rollout: Rollout): RolloutSignal[] {
  if (isOver(rollout)) return [];
  const at = rollout.Rings.findIndex((ring) => ring.Name === rollout.Ring);
  const phase = rollout.Rings[at]?.Phase;
  const isPaused = rollout.Status === "Paused";
  const isLast = at === rollout.Rings.length - 1;
  const mayPass = phase === "AwaitingApproval" || (phase === "Judging" && isPaused && !isLast);
  return [...(mayPass ? (["Approve"] as const) : []), isPaused ? "Resume" : "Pause", "Stop"];
}

/** Which nodes a ring has. */
export function ringNodes(ring: RolloutRing): string {
  if (ring.Percent !== undefined) return `${ring.Percent}% of all`;
  if (ring.Targets === undefined || ring.Targets.length === 0) return "the rest";
  return ring.Targets.map(({ Key, Values }) => `${Key} = ${Values.join(", ")}`).join("; ");
}

/** Of systemd. */
function units(count: number): string {
  return count === 1 ? "1 unit" : `${count} units`;
}

function percent(hundredths: number): string {
  return `${(hundredths / 100).toFixed(2)}%`;
}

/** What must hold before the next ring begins, beside that one node has succeeded. */
export function gatesInWords(gates: RolloutGates | undefined, needsApproval: boolean): string[] {
  const words: string[] = [];
  if (gates?.MaxFailures !== undefined) words.push(`at most ${gates.MaxFailures} failed`);
  if (gates?.MaxFailurePercent !== undefined)
    words.push(`failure rate of at most ${gates.MaxFailurePercent}%, ${gates.ConfidencePercent ?? 95}% sure`);
  if (gates?.NodesBack === true) words.push("all nodes back");
  if (gates?.MaxFailedUnits !== undefined) words.push(`at most ${units(gates.MaxFailedUnits)} failed`);
  if (gates?.Probe !== undefined) words.push(`probe ${gates.Probe.DocumentName}`);
  if (needsApproval) words.push("an approval");
  return words.length === 0 ? ["one node has succeeded"] : words;
}

export function evidenceInWords(evidence: RolloutEvidence): string[] {
  const words = [`${evidence.Failed} of ${evidence.Ended} failed`];
  if (evidence.FailureBound !== undefined && evidence.MaxFailureBound !== undefined) {
    const [bound, most] = [percent(evidence.FailureBound), percent(evidence.MaxFailureBound)];
    words.push(`failure rate up to ${bound} (${evidence.ConfidencePercent ?? 95}% sure), ${most} may be`);
  }
  if (evidence.NodesBack !== undefined) {
    const [away, pending] = [evidence.NodesAway ?? 0, evidence.NodesPendingReboot ?? 0];
    words.push(`${evidence.NodesBack} back, ${away} away, ${pending} with a restart outstanding`);
  }
  if (evidence.FailedUnits !== undefined) {
    const silent = evidence.NodesWithoutUnits ?? 0;
    const untold = silent === 0 ? "" : `, ${silent === 1 ? "1 node" : `${silent} nodes`} did not tell`;
    words.push(`${units(evidence.FailedUnits)} of systemd failed${untold}`);
  }
  if (evidence.ProbeNodes !== undefined) {
    const [good, ended] = [evidence.ProbeSucceeded ?? 0, evidence.ProbeEnded ?? 0];
    words.push(`probe: ${good} good of ${ended} that ended, of ${evidence.ProbeNodes}`);
  }
  return words;
}

/** To begin with: two shares before the rest. */
export const EXAMPLE_PLAN: RolloutPlan = {
  Rings: [
    { Name: "canary", Percent: 5, SoakMinutes: 60, Gates: { MaxFailures: 0, NodesBack: true } },
    { Name: "early", Percent: 25, SoakMinutes: 720, Gates: { MaxFailures: 1 }, RequireApproval: true },
    { Name: "rest" },
  ],
};

/** A plan from text; an error says what cannot be one. What else is wrong with it the server says. */
export function planFrom(text: string): RolloutPlan {
  const parsed: unknown = JSON.parse(text);
  const rings: unknown = typeof parsed === "object" && parsed !== null && "Rings" in parsed ? parsed.Rings : undefined;
  if (!Array.isArray(rings) || rings.length === 0) throw new Error("an object with Rings, a list of at least one ring");
  return parsed as RolloutPlan;
}
