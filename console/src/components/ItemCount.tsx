// How many patches make a node non-compliant: a number that opens them.

import { href, part } from "../app/place";
import { Link } from "./Link";

interface Props {
  readonly id: string;
  /** Nothing: the node has not told. */
  readonly count: number | undefined;
  /** Of these alone. */
  readonly severity?: string;
}

export function ItemCount({ id, count, severity }: Props) {
  const query = { tab: "compliance", of: "Patch", status: "NON_COMPLIANT", severity };
  return <NodeCount count={count} to={href(`/nodes/${part(id)}`, query)} />;
}

interface NodeCountProps {
  readonly count: number | undefined;
  readonly to: string;
}

/** Of none there is nothing to open. */
export function NodeCount({ count, to }: NodeCountProps) {
  if (count === undefined) return <>–</>;
  return count === 0 ? <>0</> : <Link to={to}>{count.toLocaleString()}</Link>;
}
