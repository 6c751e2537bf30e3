// A page about one thing: its name, its id, what can be done with it, and what is known of it.

import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";

import type { Request } from "../api/call";
import { CopyCommand } from "./CopyCommand";

interface Props {
  readonly title: ReactNode;
  readonly id?: string;
  readonly requests: readonly Request[];
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

export function DetailPage({ title, id, requests, actions, children }: Props) {
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          {...(id === undefined ? {} : { description: id })}
          actions={
            <div className="row">
              <CopyCommand requests={requests} />
              {actions}
            </div>
          }
        >
          {title}
        </Header>
      }
    >
      <SpaceBetween size="l">{children}</SpaceBetween>
    </ContentLayout>
  );
}
