// Deletes an activation, once somebody has said so.

import { deleteActivation } from "../../api/activations";
import { useAction } from "../../api/use";
import { Confirm } from "../../components/Confirm";

interface Props {
  readonly id: string;
  readonly onDone?: () => void;
}

export function DeleteActivation({ id, onDone }: Props) {
  const remove = useAction(deleteActivation, {
    done: () => `The activation ${id} is deleted.`,
    ...(onDone === undefined ? {} : { onDone }),
  });
  return (
    <Confirm
      label="Delete"
      title={`Delete the activation ${id}?`}
      disabled={remove.isPending}
      onConfirm={() => remove.mutate({ ActivationId: id })}
    >
      No further machine registers with it. Those that did stay nodes.
    </Confirm>
  );
}
