// Draws the steps of a runbook and the lines between them, branches side by side.

import { graphOf } from "../logic/graph";
import type { GraphStep, PlacedStep } from "../logic/graph";
import { lookOf, wordOf } from "../logic/status";

const WIDTH = 230;
const HEIGHT = 48;
const ACROSS = 24;
const DOWN = 32;
const MARGIN = 4;
/** Room for lines that go around. */
const SIDE = 44;
const MOST_LETTERS = 30;

export function StepGraph({ steps }: { readonly steps: readonly GraphStep[] }) {
  const graph = graphOf(steps);
  const width = 2 * MARGIN + graph.columns * (WIDTH + ACROSS) - ACROSS + SIDE;
  const height = 2 * MARGIN + graph.rows * (HEIGHT + DOWN) - DOWN;
  const words = graph.steps.map((step) => `${step.name}: ${wordOf(step.status)}`).join(", ");
  return (
    <div className="graph">
      <svg role="img" aria-label={`Steps: ${words}`} width={width} height={Math.max(height, HEIGHT)}>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0 L8 4 L0 8" />
          </marker>
        </defs>
        {graph.edges.map(({ from, to }) => {
          const [begin, end] = [graph.steps[from], graph.steps[to]];
          return begin === undefined || end === undefined ? null : (
            <path key={`${from} ${to}`} d={line(begin, end)} markerEnd="url(#arrow)" />
          );
        })}
        {graph.steps.map((step) => (
          <g key={step.name} className={step.status === undefined ? "" : lookOf(step.status)}>
            <title>{step.name}</title>
            <rect x={left(step)} y={top(step)} width={WIDTH} height={HEIGHT} rx={8} />
            <text x={left(step) + 12} y={top(step) + 20}>
              {short(step.name)}
            </text>
            <text className="quiet" x={left(step) + 12} y={top(step) + 38}>
              {short(`${step.action ?? ""} · ${step.status === undefined ? "not begun" : wordOf(step.status)}`)}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}

function left(step: PlacedStep): number {
  return MARGIN + step.column * (WIDTH + ACROSS);
}

function top(step: PlacedStep): number {
  return MARGIN + step.row * (HEIGHT + DOWN);
}

function short(text: string): string {
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 1)}…` : text;
}

/** To the row below straight or aslant; elsewhere around the right side. */
function line(from: PlacedStep, to: PlacedStep): string {
  if (to.row === from.row + 1) {
    const [x, y] = [left(from) + WIDTH / 2, top(from) + HEIGHT];
    const [endX, endY] = [left(to) + WIDTH / 2, top(to) - 1];
    const middle = (y + endY) / 2;
    return x === endX ? `M${x} ${y} L${x} ${endY}` : `M${x} ${y} C${x} ${middle} ${endX} ${middle} ${endX} ${endY}`;
  }
  const [x, y] = [left(from) + WIDTH, top(from) + HEIGHT / 2];
  const [endX, endY] = [left(to) + WIDTH, top(to) + HEIGHT / 2];
  const out = Math.max(x, endX) + SIDE - 8;
  return `M${x} ${y} C${out} ${y} ${out} ${endY} ${endX + 1} ${endY}`;
}
