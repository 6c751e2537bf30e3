// A text of the server's: what it has between backticks is set as code.

import Box from "@cloudscape-design/components/box";

export function Prose({ text }: { readonly text: string }) {
  return (
    <>
      {text.split("`").map((part, index) =>
        index % 2 === 0 ? (
          part
        ) : (
          <Box key={index} variant="code">
            {part}
          </Box>
        ),
      )}
    </>
  );
}
