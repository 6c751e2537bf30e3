// Stands where something will be, so that the page does not jump when it comes.

import Box from "@cloudscape-design/components/box";
import Spinner from "@cloudscape-design/components/spinner";

export function Loading({ what }: { readonly what: string }) {
  return (
    <Box textAlign="center" padding={{ vertical: "xxl" }} color="text-status-inactive">
      <Spinner /> Loading {what}
    </Box>
  );
}
