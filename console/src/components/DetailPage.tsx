// A page about one thing: its name, its id, what can be done with it, and what is known of it.

import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";

import type { Request } from "../api/call";
import { useNamed } from "../app/names";
import { usePlace } from "../app/place";
import { CopyCommand } from "./CopyCommand";

interface Props {
  readonly title: string | undefined;
  /** What the thing is called above the page, where the title does not tell it from others. */
  readonly name?: string | undefined;
  readonly id?: string;
  readonly requests: readonly Request[];
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

export function DetailPage({ title, name = title, id, requests, actions, children }: Props) {
  useNamed(usePlace().path, name);
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
