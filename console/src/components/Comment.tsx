// The comment of a command: whose association it runs for is a link.

import { href, part } from "../app/place";
import { Link } from "./Link";

export function Comment({ text }: { readonly text: string | undefined }) {
  if (text === undefined || text === "") return <>–</>;
  const association = /^association ([0-9a-f-]{36})$/.exec(text)?.[1];
  return association === undefined ? (
    <>{text}</>
  ) : (
    <Link to={href(`/associations/${part(association)}`)}>association</Link>
  );
}
