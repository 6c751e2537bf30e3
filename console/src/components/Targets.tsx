// Which nodes something is for: named ones by their names.

import { targetsText } from "../logic/targets";
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
