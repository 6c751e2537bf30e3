// A node that is known by its id: its name, which leads to its page. While the name is not known it is the id.

import { useQuery } from "@tanstack/react-query";

import { nodeName } from "../api/nodeNames";
import { href, part } from "../app/place";
import { Link } from "./Link";

interface Props {
  readonly id: string;
  /** The part of its page. */
  readonly tab?: string;
}

/** Of a node; the id where it has none, or where it may not be asked for. */
export function useNodeName(id: string): string {
  const { data } = useQuery({ queryKey: ["node-name", id], queryFn: () => nodeName(id), enabled: id !== "" });
  return data ?? id;
}

export function NodeName({ id, tab }: Props) {
  const name = useNodeName(id);
  return <Link to={href(`/nodes/${part(id)}`, { tab })}>{name}</Link>;
}
