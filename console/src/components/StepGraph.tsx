// Draws the steps of a runbook and the lines between them; each step leads to its row in the table.

import { graphOf } from "../logic/graph";
import type { GraphStep } from "../logic/graph";
import { lookOf, wordOf } from "../logic/status";

const WIDTH = 320;
const HEIGHT = 44;
const GAP = 30;
const LEFT = 60;

export function StepGraph({ steps }: { readonly steps: readonly GraphStep[] }) {
  const graph = graphOf(steps);
  const top = (row: number): number => 4 + row * (HEIGHT + GAP);
  const height = top(graph.steps.length);
  const words = graph.steps.map((step) => `${step.name}: ${wordOf(step.status)}`).join(", ");
  return (
    <svg className="graph" role="img" aria-label={`Steps: ${words}`} width={WIDTH + 2 * LEFT} height={height}>
      <defs>
        <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M0 0 L8 4 L0 8" />
        </marker>
      </defs>
      {graph.edges.map(({ from, to }) => (
        <path key={`${from} ${to}`} d={line(from, to, top)} markerEnd="url(#arrow)" />
      ))}
      {graph.steps.map((step) => (
        <g key={step.name} className={step.status === undefined ? "" : lookOf(step.status)}>
          <rect x={LEFT} y={top(step.row)} width={WIDTH} height={HEIGHT} rx={8} />
          <text x={LEFT + 12} y={top(step.row) + 18}>
            {step.name}
          </text>
          <text x={LEFT + 12} y={top(step.row) + 36}>
            {`${step.action ?? ""} · ${step.status === undefined ? "not begun" : wordOf(step.status)}`}
          </text>
        </g>
      ))}
    </svg>
  );
}

/** To the row below straight down; elsewhere around the right side. */
function line(from: number, to: number, top: (row: number) => number): string {
  if (to === from + 1) {
    const x = LEFT + WIDTH / 2;
    return `M${x} ${top(from) + HEIGHT} L${x} ${top(to) - 1}`;
  }
  const x = LEFT + WIDTH;
  const begin = top(from) + HEIGHT / 2;
  const end = top(to) + HEIGHT / 2;
  return `M${x} ${begin} C${x + 50} ${begin} ${x + 50} ${end} ${x + 1} ${end}`;
}
