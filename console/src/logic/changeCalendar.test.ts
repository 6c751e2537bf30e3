import { describe, expect, it, test } from "vitest";

import {
  calendarProblems,
  isAdvisory,
  isoSeconds,
  momentOf,
  NEW_CALENDAR,
  newEvent,
  readCalendar,
  repeatWords,
  whenWords,
  writeCalendar,
} from "./changeCalendar";
import type { EventForm } from "./changeCalendar";

const NOW = new Date("2026-11-22T12:00:00Z");
const EVENT: EventForm = {
  ...newEvent("one@here", "Europe/Berlin"),
  summary: "Holidays; all, of them",
  start: "2026-12-24 18:00",
  end: "2026-12-27 06:00",
};
const FORM = { ...NEW_CALENDAR, name: "freeze", description: "No changes, please", events: [EVENT] };

function text(...event: string[]): string {
  const lines = ["BEGIN:VCALENDAR", "X-CALENDAR-TYPE:DEFAULT_CLOSED", "BEGIN:VEVENT", ...event, "END:VEVENT"];
  return [...lines, "END:VCALENDAR", ""].join("\r\n");
}

describe("a change calendar", () => {
  it("is written as iCalendar has it", () => {
    expect(writeCalendar(FORM, NOW).split("\r\n")).toEqual([
      "BEGIN:VCALENDAR",
      "PRODID:-//AWS//Change Calendar 1.0//EN",
      "VERSION:2.0",
      "X-CALENDAR-TYPE:DEFAULT_OPEN",
      "X-WR-CALDESC:No changes\\, please",
      "BEGIN:VEVENT",
      "DTSTAMP:20261122T120000Z",
      "UID:one@here",
      "SUMMARY:Holidays\\; all\\, of them",
      "DTSTART;TZID=Europe/Berlin:20261224T180000",
      "DTEND;TZID=Europe/Berlin:20261227T060000",
      "END:VEVENT",
      "END:VCALENDAR",
      "",
    ]);
  });

  test.each<[string, Partial<EventForm>]>([
    ["once", {}],
    ["by UTC", { zone: "UTC" }],
    ["by days", { repeats: "DAILY", interval: "3", count: "10" }],
    ["by weeks", { repeats: "WEEKLY", days: "MO, WE", until: "2027-12-31" }],
    ["by months", { repeats: "MONTHLY", days: "2TU, -1FR", until: "20271231T225959Z" }],
    ["by years", { repeats: "YEARLY" }],
    ["with a long name", { summary: "é".repeat(100) }],
  ])("comes back as the form had it: %s", (_, change) => {
    const form = { ...FORM, events: [{ ...EVENT, ...change }] };
    expect(calendarProblems(form)).toEqual({});
    const written = writeCalendar(form, NOW);
    expect(written.split("\r\n").every((line) => new TextEncoder().encode(line).length <= 75)).toBe(true);
    const read = readCalendar("freeze", written);
    expect(read).toEqual({
      ...form,
      events: [{ ...form.events[0], kept: ["DTSTAMP:20261122T120000Z", "UID:one@here"] }],
    });
    // Nothing changes by being saved once more.
    expect(writeCalendar(read, new Date(0))).toBe(written);
  });

  it("keeps lines that the form does not ask for", () => {
    const from = text("DTSTART:20261224T000000Z", "DTEND:20261225T000000Z", "EXDATE:20261224T000000Z", "CLASS:PRIVATE");
    const { events, type } = readCalendar("c", from);
    expect(type).toBe("DEFAULT_CLOSED");
    expect(events[0]?.kept).toEqual(["EXDATE:20261224T000000Z", "CLASS:PRIVATE"]);
    const zones = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nEND:VTIMEZONE";
    const whole = from.replace("BEGIN:VEVENT", `${zones}\r\nBEGIN:VEVENT`);
    expect(writeCalendar(readCalendar("c", whole), NOW)).toContain(zones);
  });

  test.each([
    [["DTSTART;VALUE=DATE:20261224"], "2026-12-24 00:00 to 2026-12-25 00:00, UTC"],
    [
      ["DTSTART;TZID=Europe/Berlin:20261224T180000", "DURATION:P1DT2H30M"],
      "2026-12-24 18:00 to 2026-12-25 20:30, Europe/Berlin",
    ],
    [["DTSTART:20261224T180000Z", "DURATION:PT45M"], "2026-12-24 18:00 to 18:45, UTC"],
  ])("reads %j", (lines, words) => {
    const [event] = readCalendar("c", text(...lines)).events;
    expect(event === undefined ? undefined : whenWords(event)).toBe(words);
  });

  test.each([
    [["DTSTART:20261224T180007Z", "DTEND:20261224T190000Z"]],
    [["DTSTART:20261224T180000Z", "DTEND;TZID=Europe/Berlin:20261224T200000"]],
    [["DTSTART:20261224T180000Z", "DTEND:20261224T190000Z", "RRULE:FREQ=YEARLY;BYMONTH=12;BYDAY=1MO"]],
    [["DTSTART:20261224T180000Z", "DTEND:20261224T190000Z", "RRULE:FREQ=HOURLY"]],
    [["DTSTART:20261224T180000Z", "DTEND:20261224T190000Z", "RRULE:FREQ=DAILY;BYDAY=MO"]],
    [["DTSTART:20261224T180000Z", "DTEND:20261224T190000Z", "BEGIN:VALARM", "TRIGGER:-PT5M", "END:VALARM"]],
    [["DTSTART:20261224T180000Z"]],
  ])("keeps an event as it is that the form cannot show: %j", (lines) => {
    const form = readCalendar("c", text("SUMMARY:As it is", ...lines));
    expect(form.events).toEqual([]);
    expect(form.keptEvents).toEqual([{ summary: "As it is", lines: ["SUMMARY:As it is", ...lines] }]);
    expect(readCalendar("c", writeCalendar(form, NOW))).toEqual(form);
  });

  test.each<[string, Partial<EventForm>]>([
    ["start", { start: "tomorrow" }],
    ["start", { start: "2026-02-30 00:00" }],
    ["end", { end: "2026-12-24 18:00" }],
    ["zone", { zone: "Mars/North" }],
    ["zone", { zone: "" }],
    ["interval", { repeats: "DAILY", interval: "0" }],
    ["days", { repeats: "WEEKLY", days: "2TU" }],
    ["until", { repeats: "DAILY", until: "soon" }],
    ["until", { repeats: "DAILY", until: "2026-12-23" }],
    ["count", { repeats: "DAILY", count: "many" }],
    ["count", { repeats: "DAILY", count: "3", until: "2027-01-01" }],
  ])("says what is wrong with %s: %j", (field, change) =>
    expect(Object.keys(calendarProblems({ ...FORM, events: [EVENT, { ...EVENT, ...change }] }))).toEqual([
      `events.1.${field}`,
    ]),
  );

  it("says what is wrong with its name and its size", () => {
    expect(calendarProblems({ ...FORM, name: "a" })).toHaveProperty("name");
    expect(calendarProblems({ ...FORM, name: "AWS-mine" })).toHaveProperty("name");
    expect(calendarProblems({ ...FORM, description: "x".repeat(70_000) })["events"]).toContain("65,536");
  });

  test.each<[Partial<EventForm>, string]>([
    [{}, "once"],
    [{ repeats: "DAILY" }, "every day"],
    [{ repeats: "WEEKLY", interval: "2", days: "MO fr" }, "every 2 weeks on Monday, Friday"],
    [{ repeats: "MONTHLY", days: "2TU" }, "every month on the second Tuesday"],
    [
      { repeats: "MONTHLY", days: "-1FR, -2MO", count: "4" },
      "every month on the last Friday, the second last Monday 4 times",
    ],
    [{ repeats: "YEARLY", until: "2030-01-01" }, "every year until 2030-01-01"],
  ])("%j comes %s", (change, words) => expect(repeatWords({ ...EVENT, ...change })).toBe(words));

  test.each([
    ["STATUS:CONFIRMED", false],
    ["STATUS:ADVISORY", true],
    ["X-CALENDAR-ADVISORY:TRUE", true],
    ["X-CALENDAR-ADVISORY:FALSE", false],
  ])("%s only tells: %s", (line, advisory) => expect(isAdvisory({ ...EVENT, kept: [line] })).toBe(advisory));
});

test.each([
  ["2026-12-24T18:00:00Z", "2026-12-24T18:00:00Z"],
  ["2026-12-24 18:00+02:00", "2026-12-24T16:00:00Z"],
  ["2026-12-24Z", undefined],
  ["2026-02-30", undefined],
  ["noon", undefined],
])("%s is %s", (typed, expected) => {
  const at = momentOf(typed);
  expect(at === undefined ? undefined : isoSeconds(at)).toBe(expected);
});
