// How many nodes of the fleet a filter finds at this moment.

import Box from "@cloudscape-design/components/box";
import { useDeferredValue } from "react";

import { listNodeSummaries } from "../api/fleet";
import type { NodeFilter } from "../api/fleet";
import { useCall } from "../api/use";
import { CallFailure } from "./CallFailure";

interface Props {
  /** Nothing: no node can be meant. */
  readonly filters: readonly NodeFilter[] | undefined;
  /** Counts again after so many milliseconds. */
  readonly poll?: number | undefined;
}

export function NodesMatching({ filters: latest, poll }: Props) {
  const filters = useDeferredValue(latest);
  const given = filters === undefined || filters.length === 0 ? {} : { Filters: [...filters] };
  const input = filters === undefined ? undefined : { MaxResults: 1, ...given };
  const answer = useCall(listNodeSummaries, input, poll === undefined ? {} : { poll });
  if (answer.error !== null) return <CallFailure error={answer.error} onRetry={answer.refetch} />;
  const total = filters === undefined ? 0 : answer.data?.Total;
  if (total === undefined) return <Box color="text-status-inactive">Counting nodes</Box>;
  return (
    <Box color={total === 0 ? "text-status-error" : "text-status-inactive"}>
      {total === 0
        ? "No node matches at this moment"
        : `${total.toLocaleString()} ${total === 1 ? "node matches" : "nodes match"} at this moment`}
    </Box>
  );
}
