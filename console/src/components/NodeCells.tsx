// A small cell per node, coloured by its state; each opens the node's output.

import { lookOf, wordOf } from "../logic/status";

export interface Cell {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly href: string;
}

export function NodeCells({ cells }: { readonly cells: readonly Cell[] }) {
  return (
    <ul className="cells">
      {cells.map((cell) => {
        const words = `${cell.name}: ${wordOf(cell.status)}`;
        return (
          <li key={cell.id}>
            <a className={`cell cell-${lookOf(cell.status)}`} href={cell.href} title={words} aria-label={words} />
          </li>
        );
      })}
    </ul>
  );
}
