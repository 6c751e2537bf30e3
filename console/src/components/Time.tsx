// A moment: the viewer's zone to read, UTC on hover.

import { distance, localText, toDate, utcText } from "../logic/time";
import type { Moment } from "../logic/time";

interface Props {
  readonly at: Moment | undefined;
  /** Only how long ago, with the moment itself on hover. */
  readonly short?: boolean;
}

export function Time({ at, short }: Props) {
  const date = toDate(at);
  if (date === undefined) return <>–</>;
  const ago = distance(date, new Date());
  const local = localText(date);
  return (
    <time dateTime={date.toISOString()} title={short === true ? `${local} · ${utcText(date)}` : utcText(date)}>
      {short === true ? (
        ago
      ) : (
        <>
          {local} <span className="together">({ago})</span>
        </>
      )}
    </time>
  );
}
