// Any call of the console as a line for the AWS CLI.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Popover from "@cloudscape-design/components/popover";
import SpaceBetween from "@cloudscape-design/components/space-between";

import type { Request } from "../api/call";
import { session } from "../api/session";
import { awsCommand } from "../logic/awsCommand";

interface Props {
  readonly requests: readonly Request[];
}

export function CopyCommand({ requests }: Props) {
  const where = { endpoint: window.location.origin, region: session()?.region ?? "us-east-1" };
  const usesOwnModel = requests.some((request) => request.service === "fettle");
  return (
    <Popover
      triggerType="custom"
      size="large"
      fixedWidth
      position="bottom"
      header="The same with the AWS CLI"
      content={
        <SpaceBetween size="s">
          {requests.map((request) => {
            const line = awsCommand(request, where);
            return (
              <div key={line}>
                <Box variant="code">{line}</Box>{" "}
                <CopyToClipboard
                  variant="inline"
                  textToCopy={line}
                  textToDisplay=""
                  copyButtonAriaLabel={`Copy ${request.operation}`}
                  copySuccessText="Copied"
                  copyErrorText="The browser does not let this page copy: select the text"
                />
              </div>
            );
          })}
          {usesOwnModel ? (
            <Box variant="small">
              The stock CLI learns this service once: aws configure add-model --service-name fettle --service-model
              file://fettle.json
            </Box>
          ) : null}
        </SpaceBetween>
      }
    >
      <Button iconName="script" formAction="none" ariaLabel="Copy as aws command" />
    </Popover>
  );
}
