// Lines for a shell, to copy.

import Box from "@cloudscape-design/components/box";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import SpaceBetween from "@cloudscape-design/components/space-between";

export function Lines({ text }: { readonly text: string }) {
  return (
    <SpaceBetween size="xs">
      <Box textAlign="left">
        <pre className="output">{text}</pre>
      </Box>
      <CopyToClipboard
        copyButtonText="Copy"
        textToCopy={text}
        copySuccessText="Copied"
        copyErrorText="The browser does not let this page copy: select the text"
      />
    </SpaceBetween>
  );
}
