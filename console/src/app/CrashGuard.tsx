// A page that fails while it is drawn says so; the rest of the console goes on.

import Alert from "@cloudscape-design/components/alert";
import { Component } from "react";
import type { ReactNode } from "react";

interface Props {
  readonly children: ReactNode;
}

interface State {
  readonly error: Error | undefined;
}

export class CrashGuard extends Component<Props, State> {
  override state: State = { error: undefined };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <Alert type="error" header="This page could not be shown">
        {error.message}. Reload the page; if it happens again, it is a fault of the console.
      </Alert>
    );
  }
}
