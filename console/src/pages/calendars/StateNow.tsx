// Whether a calendar is open at this moment, and until when.

import { getCalendarState } from "../../api/calendars";
import { useCall } from "../../api/use";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";

/** Calendars change by themselves, as time goes on. */
export const POLL_MS = 30_000;

function useStateNow(name: string) {
  return useCall(getCalendarState, { CalendarNames: [name] }, { poll: POLL_MS });
}

export function StateNow({ name }: { readonly name: string }) {
  const { data, error } = useStateNow(name);
  if (error !== null && data === undefined) return <Status status="UNKNOWN" text={`Unknown: ${error.message}`} />;
  return data === undefined ? <>–</> : <Status status={data.State} />;
}

export function UntilNow({ name }: { readonly name: string }) {
  const { data } = useStateNow(name);
  if (data === undefined) return <>–</>;
  return data.NextTransitionTime === undefined ? <>no change within a year</> : <Time at={data.NextTransitionTime} />;
}
