// A text of the server's: what it has between backticks is set as code.

import Box from "@cloudscape-design/components/box";

interface Props {
  readonly text: string;
  /** The server's words stand inside its sentences; here they begin one. */
  readonly begins?: boolean;
}

export function Prose({ text, begins }: Props) {
  const words = begins === true ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return (
    <>
      {words.split("`").map((part, index) =>
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
