// A list of the API as a table: the server filters, sorts and pages; this asks for the page that is
// shown and for no more. Export walks the pages, since then all rows are wanted.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import CollectionPreferences from "@cloudscape-design/components/collection-preferences";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";
import type { ReactNode } from "react";

import type { Call } from "../api/call";
import type { CallError } from "../api/errors";
import { flashError, useCall } from "../api/use";
import { download } from "../logic/download";
import { toCsv } from "../logic/csv";
import { everyPage } from "../logic/pages";
import { useColumns } from "../logic/columns";
import { CallFailure } from "./CallFailure";
import { CopyCommand } from "./CopyCommand";

export interface PagedInput {
  NextToken?: string | undefined;
  MaxResults?: number | undefined;
}

export interface PagedOutput {
  NextToken?: string | undefined;
}

export interface Column<T> {
  readonly id: string;
  readonly header: string;
  readonly cell: (item: T) => ReactNode;
  /** The text in an export; columns without it are not exported. */
  readonly text?: (item: T) => string | number | undefined;
  /** The server's name of this order. */
  readonly sortingField?: string;
  readonly minWidth?: number;
  readonly hidden?: boolean;
}

export interface Sorting {
  readonly field: string;
  readonly descending: boolean;
  readonly onChange: (field: string, descending: boolean) => void;
}

export interface ServerTableProps<I, O, T> {
  /** Names the reader's choice of columns in the browser. */
  readonly id: string;
  readonly title: string;
  readonly description?: ReactNode;
  readonly call: Call<I, O>;
  readonly input: I;
  readonly items: (output: O) => readonly T[] | undefined;
  readonly total?: (output: O) => number | undefined;
  readonly trackBy: (item: T) => string;
  readonly columns: readonly Column<T>[];
  readonly actions?: ReactNode;
  readonly filter?: ReactNode;
  readonly empty: ReactNode;
  readonly pageSize?: number;
  /** Some operations refuse MaxResults beside other members. */
  readonly unpaged?: boolean;
  readonly poll?: number;
  readonly sorting?: Sorting;
  readonly selection?: { readonly items: readonly T[]; readonly onChange: (items: readonly T[]) => void };
  readonly inside?: boolean;
}

const EXPORT_PAGE = 50;
/** Narrower, words would break. */
const LEAST_WIDTH = 105;

export function ServerTable<I extends PagedInput, O extends PagedOutput, T>(props: ServerTableProps<I, O, T>) {
  const { call, input, columns, pageSize = 20 } = props;
  const shape = JSON.stringify(input);
  const [paging, setPaging] = useState<{ shape: string; tokens: readonly string[] }>({ shape, tokens: [] });
  // Another filter begins again at the first page.
  const tokens = paging.shape === shape ? paging.tokens : [];
  const token = tokens[tokens.length - 1];
  const request: I = {
    ...input,
    ...(props.unpaged === true ? {} : { MaxResults: pageSize }),
    ...(token === undefined ? {} : { NextToken: token }),
  };
  const answer = useCall(call, request, {
    keep: true,
    ...(props.poll === undefined ? {} : { poll: props.poll }),
  });
  const [shown, setShown] = useColumns(props.id, columns);
  const [exporting, setExporting] = useState(false);

  const output = answer.data;
  const items = output === undefined ? [] : (props.items(output) ?? []);
  const next = output?.NextToken;
  const hasNext = next !== undefined && next !== "";
  const total = output === undefined ? undefined : props.total?.(output);
  const page = tokens.length + 1;

  const turnTo = (wanted: number): void => {
    if (wanted > page && hasNext) setPaging({ shape, tokens: [...tokens, next] });
    else if (wanted < page) setPaging({ shape, tokens: tokens.slice(0, wanted - 1) });
  };

  const exportAll = async (): Promise<void> => {
    setExporting(true);
    try {
      const rows = await everyPage(
        call,
        props.unpaged === true ? input : { ...input, MaxResults: EXPORT_PAGE },
        props.items,
      );
      const exported = columns.flatMap((column) =>
        column.text === undefined ? [] : [{ header: column.header, value: column.text }],
      );
      download(`${props.id}.csv`, "text/csv", toCsv(exported, rows));
    } catch (error) {
      flashError(error as CallError);
    } finally {
      setExporting(false);
    }
  };

  const counter = total === undefined ? {} : { counter: `(${total.toLocaleString()})` };
  const sorted = columns.find((column) => column.sortingField === props.sorting?.field);
  return (
    <Table<T>
      variant={props.inside === true ? "embedded" : "container"}
      items={items}
      trackBy={props.trackBy}
      loading={answer.isPending}
      loadingText={`Loading ${props.title.toLowerCase()}`}
      wrapLines
      ariaLabels={{
        tableLabel: props.title,
        selectionGroupLabel: `Selection of ${props.title.toLowerCase()}`,
        allItemsSelectionLabel: () => "Select all on this page",
        itemSelectionLabel: (_, item) => `Select ${props.trackBy(item)}`,
      }}
      columnDefinitions={columns.map((column, index) => ({
        id: column.id,
        header: column.header,
        cell: column.cell,
        isRowHeader: index === 0,
        ...(column.sortingField === undefined ? {} : { sortingField: column.sortingField }),
        minWidth: column.minWidth ?? LEAST_WIDTH,
      }))}
      columnDisplay={columns.map((column) => ({ id: column.id, visible: shown.includes(column.id) }))}
      {...(props.sorting === undefined
        ? { sortingDisabled: true }
        : {
            sortingDescending: props.sorting.descending,
            ...(sorted?.sortingField === undefined ? {} : { sortingColumn: { sortingField: sorted.sortingField } }),
            onSortingChange: ({
              detail,
            }: {
              detail: { sortingColumn: { sortingField?: string }; isDescending?: boolean };
            }) => props.sorting?.onChange(detail.sortingColumn.sortingField ?? "", detail.isDescending === true),
          })}
      {...(props.selection === undefined
        ? {}
        : {
            selectionType: "multi" as const,
            selectedItems: [...props.selection.items],
            onSelectionChange: ({ detail }: { detail: { selectedItems: T[] } }) =>
              props.selection?.onChange(detail.selectedItems),
          })}
      header={
        <Header
          variant={props.inside === true ? "h3" : "h2"}
          {...counter}
          description={props.description}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button
                iconName="refresh"
                ariaLabel={`Refresh ${props.title.toLowerCase()}`}
                loading={answer.isFetching && !answer.isPending && props.poll === undefined}
                onClick={() => void answer.refetch()}
              />
              <CopyCommand requests={[{ service: call.service, operation: call.operation, input: request }]} />
              <Button iconName="download" ariaLabel="Export CSV" loading={exporting} onClick={() => void exportAll()} />
              {props.actions}
            </SpaceBetween>
          }
        >
          {props.title}
        </Header>
      }
      filter={props.filter}
      pagination={
        <Pagination
          currentPageIndex={page}
          pagesCount={hasNext ? page + 1 : page}
          openEnd={hasNext}
          disabled={answer.isPlaceholderData}
          onChange={({ detail }) => turnTo(detail.currentPageIndex)}
        />
      }
      preferences={
        <CollectionPreferences
          title="Preferences"
          confirmLabel="Confirm"
          cancelLabel="Cancel"
          preferences={{ visibleContent: shown }}
          onConfirm={({ detail }) => setShown([...(detail.visibleContent ?? shown)])}
          visibleContentPreference={{
            title: "Columns",
            options: [{ label: props.title, options: columns.map(({ id, header }) => ({ id, label: header })) }],
          }}
        />
      }
      empty={
        answer.error === null ? (
          <Box textAlign="center" color="inherit" padding={{ vertical: "l" }}>
            {props.empty}
          </Box>
        ) : (
          <CallFailure error={answer.error} onRetry={answer.refetch} />
        )
      }
    />
  );
}
