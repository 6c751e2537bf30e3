// A value that may be seen, with a button that copies it.

import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";

interface Props {
  readonly value: string;
  readonly type: string | undefined;
  /** Beside the button that copies. */
  readonly actions?: ReactNode;
}

export function ShownValue({ value, type, actions }: Props) {
  return (
    <SpaceBetween size="s">
      {type === "StringList" ? (
        <ul className="names output" tabIndex={0} aria-label="Value">
          {value.split(",").map((element, index) => (
            <li key={index}>{element}</li>
          ))}
        </ul>
      ) : (
        <pre className="output" tabIndex={0} role="region" aria-label="Value">
          {value}
        </pre>
      )}
      <SpaceBetween direction="horizontal" size="xs">
        <CopyToClipboard
          copyButtonText="Copy value"
          textToCopy={value}
          copySuccessText="Copied"
          copyErrorText="The browser does not let this page copy: select the text"
        />
        {actions}
      </SpaceBetween>
    </SpaceBetween>
  );
}
