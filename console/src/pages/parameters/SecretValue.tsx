// The value of a SecureString: decrypted when somebody asks for it, and forgotten when it is hidden again.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import { useEffect, useState } from "react";

import { forgetSecrets, getParameter } from "../../api/parameters";
import { useCall } from "../../api/use";
import { Answer } from "../../components/Answer";
import { ShownValue } from "./ShownValue";

interface Props {
  /** With a version behind it, where it is not the newest that is meant. */
  readonly name: string;
  /** In a table: the button alone. */
  readonly short?: boolean;
}

export function SecretValue({ name, short }: Props) {
  const [isShown, setShown] = useState(false);
  const answer = useCall(getParameter, isShown ? { Name: name, WithDecryption: true } : undefined);
  useEffect(() => {
    if (!isShown) return undefined;
    // Once nothing shows it any more, which it still does while this is taken down.
    return () => void setTimeout(forgetSecrets);
  }, [isShown, name]);
  if (!isShown) {
    const label = `Show the value of ${name}`;
    return short === true ? (
      <Button variant="inline-link" ariaLabel={label} onClick={() => setShown(true)}>
        Show
      </Button>
    ) : (
      <>
        <Box variant="p" color="text-status-inactive">
          It is encrypted. Showing it decrypts it, which needs the permission kms:Decrypt.
        </Box>
        <Button onClick={() => setShown(true)}>Show value</Button>
      </>
    );
  }
  return (
    <Answer of={answer} what="the value">
      {({ Parameter: parameter }) => (
        <ShownValue
          value={parameter?.Value ?? ""}
          type={parameter?.Type}
          actions={<Button onClick={() => setShown(false)}>Hide value</Button>}
        />
      )}
    </Answer>
  );
}
