// The role that a node's credentials stand for, and another one from its next token on.

import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";

import { updateManagedInstanceRole } from "../../api/nodes";
import { useAction } from "../../api/use";
import { CopyCommand } from "../../components/CopyCommand";
import { roleProblem } from "../../logic/activation";
import { FormDialog } from "../../components/FormDialog";

interface Props {
  readonly id: string;
  readonly role: string;
}

export function NodeRole({ id, role }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <span>{role === "" ? "–" : role}</span>{" "}
      <Button variant="inline-link" ariaLabel="Change the role" onClick={() => setOpen(true)}>
        Change
      </Button>
      {open ? <ChangeRole id={id} role={role} onClose={() => setOpen(false)} /> : null}
    </>
  );
}

function ChangeRole({ id, role, onClose }: Props & { readonly onClose: () => void }) {
  const [wanted, setWanted] = useState(role);
  const [tried, setTried] = useState(false);
  const problem = roleProblem(wanted);
  const input = { InstanceId: id, IamRole: wanted };
  const change = useAction(updateManagedInstanceRole, {
    done: () => `The role is ${wanted} from the node's next credentials on.`,
    onDone: onClose,
  });
  const submit = (): void => {
    setTried(true);
    if (problem === undefined) change.mutate(input);
  };
  return (
    <FormDialog
      title="Change the role"
      label="Save"
      actions={<CopyCommand requests={[{ service: "ssm", operation: updateManagedInstanceRole.operation, input }]} />}
      busy={change.isPending}
      onSubmit={submit}
      onClose={onClose}
    >
      <FormField
        label="Role"
        description="What the node's own credentials stand for. Those that it has stay valid until they run out."
        errorText={tried || wanted !== role ? problem : undefined}
      >
        <Input value={wanted} spellcheck={false} onChange={({ detail }) => setWanted(detail.value)} />
      </FormField>
    </FormDialog>
  );
}
