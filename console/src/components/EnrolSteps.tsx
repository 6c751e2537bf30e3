// The first steps where there are no nodes: make an activation, paste the lines on the machine.

import { CreateActivationCommand } from "@aws-sdk/client-ssm";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useState } from "react";

import { session } from "../api/session";
import { ssm } from "../api/ssm";
import { useAction } from "../api/use";
import { enrolLines } from "../logic/enrol";
import type { Platform } from "../logic/enrol";

const createActivation = ssm("CreateActivation", CreateActivationCommand);
const PLATFORMS: readonly Platform[] = ["Linux", "Windows", "macOS"];

export function EnrolSteps() {
  const [activation, setActivation] = useState<{ id: string; code: string }>();
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
        <Tabs
          tabs={PLATFORMS.map((platform) => {
            const lines = enrolLines(platform, window.location.origin, session()?.region ?? "us-east-1", activation);
            return {
              id: platform,
              label: platform,
              content: (
                <SpaceBetween size="xs">
                  <Box textAlign="left">
                    <pre className="output">{lines}</pre>
                  </Box>
                  <CopyToClipboard
                    copyButtonText="Copy"
                    textToCopy={lines}
                    copySuccessText="Copied"
                    copyErrorText="The browser does not let this page copy: select the text"
                  />
                  <Box variant="small">The code is shown this once.</Box>
                </SpaceBetween>
              ),
            };
          })}
        />
      )}
    </SpaceBetween>
  );
}
