// The role that a node's credentials stand for, and another one from its next token on.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { updateManagedInstanceRole } from "../../api/nodes";
import { useAction } from "../../api/use";
import { CopyCommand } from "../../components/CopyCommand";
import { roleProblem } from "../../logic/activation";

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
    <Modal
      visible
      header="Change the role"
      closeAriaLabel="Close"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <CopyCommand requests={[{ service: "ssm", operation: updateManagedInstanceRole.operation, input }]} />
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" loading={change.isPending} onClick={submit}>
              Save
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <FormField
          label="Role"
          description="What the node's own credentials stand for. Those that it has stay valid until they run out."
          errorText={tried || wanted !== role ? problem : undefined}
        >
          <Input value={wanted} spellcheck={false} onChange={({ detail }) => setWanted(detail.value)} />
        </FormField>
      </form>
    </Modal>
  );
}
