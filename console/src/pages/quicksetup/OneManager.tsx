// The configuration manager that an address names, with its definition of the type that a page is about.

import type { ReactNode } from "react";

import { pollWithoutEvents } from "../../api/events";
import { definitionOf, getManager, isBusy } from "../../api/quickSetup";
import type { Definition, Manager } from "../../api/quickSetup";
import { useCall } from "../../api/use";
import { useNamed } from "../../app/names";
import { href } from "../../app/place";
import { Answer } from "../../components/Answer";
import { Missing } from "../../components/Missing";
import { pageOf } from "../../logic/quickSetup";
import type { Kind } from "../../logic/quickSetup";

/** While it is being deployed, and while its associations go on. */
const [DEPLOYING_MS, RUNNING_MS] = [2000, 5000];

interface Props {
  readonly kind: Kind;
  readonly arn: string;
  /** Shows what becomes of it; a form stays as it was read. */
  readonly follow?: boolean;
  readonly children: (manager: Manager, definition: Definition) => ReactNode;
}

export function OneManager({ kind, arn, follow, children }: Props) {
  const answer = useCall(
    getManager,
    { ManagerArn: arn },
    {
      poll: (manager) =>
        follow === true && manager !== undefined
          ? (pollWithoutEvents(isBusy(manager) ? DEPLOYING_MS : RUNNING_MS) ?? false)
          : false,
    },
  );
  useNamed(pageOf(kind, arn), answer.data?.Name);
  return (
    <Answer of={answer} what={`the ${kind.what}`}>
      {(manager) => {
        const definition = definitionOf(manager, kind.type);
        return definition === undefined ? (
          <Missing what={`The ${kind.what} ${arn}`} list={href(kind.path)} />
        ) : (
          children(manager, definition)
        );
      }}
    </Answer>
  );
}
