// A page that is one form: what it asks, the same call as a line for the AWS CLI, a way back, and the button.

import Button from "@cloudscape-design/components/button";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Form from "@cloudscape-design/components/form";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";

import type { Request } from "../api/call";
import { useNamed } from "../app/names";
import { CopyCommand } from "./CopyCommand";

interface Props {
  readonly title: string;
  /** On the button. */
  readonly submit: string;
  readonly onSubmit: () => void;
  readonly busy: boolean;
  readonly disabled?: boolean;
  /** Where Cancel leads. */
  readonly back: string;
  /** What the thing is called whose page that is. */
  readonly of?: string | undefined;
  /** What is sent; nothing where it holds a secret. */
  readonly request?: Request | readonly Request[];
  readonly children: ReactNode;
}

export function FormPage({ title, submit, onSubmit, busy, disabled, back, of, request, children }: Props) {
  useNamed(back, of);
  return (
    <ContentLayout header={<Header variant="h1">{title}</Header>}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              {request === undefined ? null : <CopyCommand requests={[request].flat()} />}
              <Button variant="link" formAction="none" href={back}>
                Cancel
              </Button>
              <Button variant="primary" loading={busy} disabled={disabled === true}>
                {submit}
              </Button>
            </SpaceBetween>
          }
        >
          {children}
        </Form>
      </form>
    </ContentLayout>
  );
}
