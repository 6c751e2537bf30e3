// Deletes parameters, once somebody has said so.

import SpaceBetween from "@cloudscape-design/components/space-between";

import { deleteParameters, deletions } from "../../api/parameters";
import { useAction } from "../../api/use";
import { Confirm } from "../../components/Confirm";
import { CopyCommand } from "../../components/CopyCommand";

interface Props {
  readonly names: readonly string[];
  readonly disabled?: boolean;
  readonly onDone: () => void;
}

export function DeleteParameters({ names, disabled, onDone }: Props) {
  const [first = ""] = names;
  const all = names.length === 1 ? first : `${names.length} parameters`;
  const remove = useAction(deleteParameters, {
    done: ({ deleted, missing }) => {
      const gone = missing.length === 0 ? "" : ` ${missing.join(", ")} were not there any more.`;
      return `${deleted === names.length ? all : `${deleted} of ${all}`} deleted.${gone}`;
    },
    onDone,
  });
  return (
    <Confirm
      label="Delete"
      title={names.length === 1 ? "Delete this parameter?" : `Delete ${names.length} parameters?`}
      disabled={disabled === true || remove.isPending}
      onConfirm={() => remove.mutate({ names })}
    >
      <SpaceBetween size="m">
        <div>
          {names.length === 1 ? "It is" : "They are"} deleted with all versions and labels, which cannot be brought
          back. What refers to {names.length === 1 ? "it" : "them"} fails from then on.
        </div>
        <ul className="names output">
          {names.map((name) => (
            <li key={name}>{name}</li>
          ))}
        </ul>
        <CopyCommand
          requests={deletions(names).map((input) => ({ service: "ssm", operation: "DeleteParameters", input }))}
        />
      </SpaceBetween>
    </Confirm>
  );
}
