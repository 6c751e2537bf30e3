// The lines to paste on a machine so that it joins by an activation, for each system. The code in them is shown once.

import Box from "@cloudscape-design/components/box";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";

import { session } from "../api/session";
import { enrolLines } from "../logic/enrol";
import type { NewActivation, Platform } from "../logic/enrol";

const PLATFORMS: readonly Platform[] = ["Linux", "Windows", "macOS"];

export function EnrolLines({ activation }: { readonly activation: NewActivation }) {
  return (
    <Tabs
      ariaLabel="Lines to paste"
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
            </SpaceBetween>
          ),
        };
      })}
    />
  );
}
