// Which nodes something is for: named ones by their names, a resource group with the way to it.

import { href, part } from "../app/place";
import { groupOfTarget, targetsText } from "../logic/targets";
import { Link } from "./Link";
import { NodeName } from "./NodeName";

interface Props {
  readonly of:
    readonly { readonly Key?: string | undefined; readonly Values?: readonly string[] | undefined }[] | undefined;
}

/** The rest of a long list is not shown here. */
const MOST = 10;

export function Targets({ of: targets = [] }: Props) {
  const [only] = targets;
  const ids = only?.Values ?? [];
  const areNamed = targets.length === 1 && /^instanceids$/i.test(only?.Key ?? "") && !ids.includes("*");
  const group = only === undefined || targets.length > 1 ? undefined : groupOfTarget(only);
  if (group !== undefined) return <Link to={href(`/groups/${part(group)}`)}>{targetsText(targets)}</Link>;
  if (!areNamed) return <>{targetsText(targets) || "–"}</>;
  return (
    <>
      {ids.slice(0, MOST).map((id, index) => (
        <span key={id}>
          {index === 0 ? "" : ", "}
          <NodeName id={id} />
        </span>
      ))}
      {ids.length > MOST ? ` and ${ids.length - MOST} more` : ""}
    </>
  );
}
