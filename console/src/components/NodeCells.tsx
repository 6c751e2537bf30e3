// A small cell per node, coloured by its state; each opens the node's output.

import { lookOf, wordOf } from "../logic/status";
import { useNodeName } from "./NodeName";

export interface Cell {
  /** Of the node. */
  readonly id: string;
  readonly status: string;
  readonly href: string;
}

export function NodeCells({ cells }: { readonly cells: readonly Cell[] }) {
  return (
    <ul className="cells">
      {cells.map((cell) => (
        <li key={cell.id}>
          <OneCell cell={cell} />
        </li>
      ))}
    </ul>
  );
}

function OneCell({ cell }: { readonly cell: Cell }) {
  const words = `${useNodeName(cell.id)}: ${wordOf(cell.status)}`;
  return <a className={`cell cell-${lookOf(cell.status)}`} href={cell.href} title={words} aria-label={words} />;
}
