// The first steps where there are no nodes: make an activation, paste the lines on the machine.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { createActivation } from "../api/activations";
import { useAction } from "../api/use";
import type { NewActivation } from "../logic/enrol";
import { EnrolLines } from "./EnrolLines";

export function EnrolSteps() {
  const [activation, setActivation] = useState<NewActivation>();
  const create = useAction(createActivation, {
    onDone: (output) => setActivation({ id: output.ActivationId ?? "", code: output.ActivationCode ?? "" }),
  });
  return (
    <SpaceBetween size="s">
      <Box variant="h3">No nodes yet</Box>
      <Box variant="p">
        An activation lets machines join. Make one, then paste the lines on each machine: it is scanned as soon as it is
        here.
      </Box>
      {activation === undefined ? (
        <Button
          variant="primary"
          loading={create.isPending}
          onClick={() => create.mutate({ IamRole: "fettle-node", RegistrationLimit: 100 })}
        >
          Create an activation for 100 nodes
        </Button>
      ) : (
        <>
          <EnrolLines activation={activation} />
          <Box variant="small">The code is shown this once.</Box>
        </>
      )}
    </SpaceBetween>
  );
}
