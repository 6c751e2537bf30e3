// A page that is one list, with the button that adds to it.

import Button from "@cloudscape-design/components/button";

import { ServerTable } from "./ServerTable";
import type { PagedInput, PagedOutput, ServerTableProps } from "./ServerTable";

interface Props<I, O, T> extends Omit<ServerTableProps<I, O, T>, "actions" | "id" | "inside"> {
  /** Under which the browser keeps the choice of columns; also the name of exports. */
  readonly name: string;
  readonly add: { readonly label: string; readonly to: string };
}

export function ListPage<I extends PagedInput, O extends PagedOutput, T>({ name, add, ...table }: Props<I, O, T>) {
  return (
    <ServerTable
      id={name}
      {...table}
      actions={
        <Button variant="primary" href={add.to}>
          {add.label}
        </Button>
      }
    />
  );
}
