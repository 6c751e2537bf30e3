// A link to another view of the console.

import CloudscapeLink from "@cloudscape-design/components/link";
import type { ReactNode } from "react";

interface Props {
  readonly to: string;
  readonly children: ReactNode;
  readonly large?: boolean;
  readonly label?: string;
}

export function Link({ to, children, large, label }: Props) {
  return (
    <CloudscapeLink
      href={to}
      {...(large === true ? { fontSize: "display-l" as const } : {})}
      {...(label === undefined ? {} : { ariaLabel: label })}
    >
      {children}
    </CloudscapeLink>
  );
}
