// Change calendars: iCalendar text as a form, and the form as text. What the form has no field for stays as it is: single lines
// beside an event's own, or the event as a whole.

import { contentProblem } from "./document";

export type Frequency = "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY";

/** While it lasts the calendar is not as by default. Times are by the clock of its zone. */
export interface EventForm {
  readonly summary: string;
  /** `2026-12-24 00:00` */
  readonly start: string;
  readonly end: string;
  readonly zone: string;
  readonly repeats: "" | Frequency;
  readonly interval: string;
  /** `MO, WE`; of months also `2TU` and `-1FR`. */
  readonly days: string;
  /** A day, which counts; or as iCalendar writes a moment. */
  readonly until: string;
  readonly count: string;
  /** Lines that the form does not ask for. */
  readonly kept: readonly string[];
}

/** An event that the form has no fields for. */
export interface KeptEvent {
  readonly summary: string;
  readonly lines: readonly string[];
}

export interface CalendarForm {
  readonly name: string;
  readonly description: string;
  readonly type: "DEFAULT_OPEN" | "DEFAULT_CLOSED";
  readonly events: readonly EventForm[];
  readonly keptEvents: readonly KeptEvent[];
  /** Lines before the events that the form does not ask for. */
  readonly head: readonly string[];
}

export const NEW_CALENDAR: CalendarForm = {
  name: "",
  description: "",
  type: "DEFAULT_OPEN",
  events: [],
  keptEvents: [],
  head: ["PRODID:-//AWS//Change Calendar 1.0//EN", "VERSION:2.0"],
};

/** `uid` tells it from all others, everywhere. */
export function newEvent(uid: string, zone: string): EventForm {
  return {
    summary: "",
    start: "",
    end: "",
    zone,
    repeats: "",
    interval: "1",
    days: "",
    until: "",
    count: "",
    kept: [`UID:${uid}`],
  };
}

interface Line {
  readonly name: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly value: string;
}

const LINE = /^([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^":;]*))*):(.*)$/;

function lineOf(text: string): Line | undefined {
  const [, name, rest = "", value = ""] = LINE.exec(text) ?? [];
  if (name === undefined) return undefined;
  const pairs = [...rest.matchAll(/;([A-Za-z0-9-]+)=("[^"]*"|[^":;]*)/g)];
  const parameters = pairs.map(([, key = "", given = ""]) => [key.toUpperCase(), given.replaceAll('"', "")] as const);
  return { name: name.toUpperCase(), parameters: Object.fromEntries(parameters), value: value.trim() };
}

/** Lines that go on with a blank are one. */
function unfold(text: string): string[] {
  const lines = text.replace(/\r?\n[ \t]/g, "").split(/\r?\n/);
  return lines.filter((line) => line.trim() !== "");
}

function unescape(text: string): string {
  return text.replace(/\\([\\;,nN])/g, (_, letter: string) => (letter.toLowerCase() === "n" ? "\n" : letter));
}

function escape(text: string): string {
  return text.replace(/[\\;,]/g, (letter) => `\\${letter}`).replaceAll("\n", "\\n");
}

interface LocalTime {
  readonly text: string;
  readonly zone: string;
  readonly isDate: boolean;
}

/** Nothing where there are seconds, or anything else that the form cannot show. */
function timeOf(line: Line | undefined): LocalTime | undefined {
  const [, year, month, day, hour, minute] =
    /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})00)?Z?$/.exec(line?.value ?? "") ?? [];
  if (line === undefined || day === undefined) return undefined;
  const zone = line.value.endsWith("Z") ? "UTC" : (line.parameters["TZID"]?.replace(/^\//, "") ?? "UTC");
  return {
    text: `${year ?? ""}-${month ?? ""}-${day} ${hour ?? "00"}:${minute ?? "00"}`,
    zone,
    isDate: hour === undefined,
  };
}

/** On the clock, whatever zone that is in. */
function clock(text: string): Date | undefined {
  const [, date, time] = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}))?$/.exec(text.trim()) ?? [];
  if (date === undefined) return undefined;
  const at = new Date(`${date}T${time ?? "00:00"}:00Z`);
  // The 31st of a month that has 30 would be the first of the next.
  return Number.isNaN(at.getTime()) || at.toISOString().slice(0, 10) !== date ? undefined : at;
}

function clockText(at: Date): string {
  return at.toISOString().slice(0, 16).replace("T", " ");
}

function later(text: string, minutes: number): string {
  return clockText(new Date((clock(text)?.getTime() ?? 0) + minutes * 60_000));
}

/** In minutes; nothing where it is no length of weeks, days, hours and minutes. */
function lengthOf(text: string): number | undefined {
  const found = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?$/.exec(text);
  if (found === null) return undefined;
  const [, weeks = "0", days = "0", hours = "0", minutes = "0"] = found;
  return ((Number(weeks) * 7 + Number(days)) * 24 + Number(hours)) * 60 + Number(minutes);
}

const FREQUENCIES: readonly string[] = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"];

type Repeat = Pick<EventForm, "repeats" | "interval" | "days" | "until" | "count">;

/** Nothing where the rule says what the form cannot. */
function repeatOf(line: Line | undefined): Repeat | undefined {
  if (line === undefined) return { repeats: "", interval: "1", days: "", until: "", count: "" };
  const rule = new Map(line.value.split(";").map((part) => part.toUpperCase().split("=", 2) as [string, string]));
  const {
    FREQ = "",
    INTERVAL = "1",
    BYDAY = "",
    UNTIL = "",
    COUNT = "",
    WKST = "MO",
    ...others
  } = Object.fromEntries(rule);
  if (!FREQUENCIES.includes(FREQ) || WKST !== "MO" || Object.keys(others).length > 0) return undefined;
  const until = /^\d{8}$/.test(UNTIL) ? `${UNTIL.slice(0, 4)}-${UNTIL.slice(4, 6)}-${UNTIL.slice(6)}` : UNTIL;
  const repeat = {
    repeats: FREQ as Frequency,
    interval: INTERVAL,
    days: BYDAY.split(",").filter(Boolean).join(", "),
    until,
    count: COUNT,
  };
  return daysProblem(repeat) === undefined ? repeat : undefined;
}

const REFUSED = ["RDATE", "EXRULE", "RECURRENCE-ID", "BEGIN", "END"];
const ASKED = ["SUMMARY", "DTSTART", "DTEND", "DURATION", "RRULE"];

function eventOf(lines: readonly string[]): EventForm | KeptEvent {
  const parsed = lines.map(lineOf);
  const find = (name: string): Line | undefined => parsed.find((line) => line?.name === name);
  const summary = unescape(find("SUMMARY")?.value ?? "");
  const asItIs: KeptEvent = { summary, lines };
  const start = timeOf(find("DTSTART"));
  const repeat = repeatOf(find("RRULE"));
  if (start === undefined || repeat === undefined) return asItIs;
  if (parsed.some((line) => line === undefined || REFUSED.includes(line.name))) return asItIs;
  const end = endOf(start, find("DTEND"), find("DURATION"));
  if (end === undefined) return asItIs;
  const kept = lines.filter((_, at) => !ASKED.includes(parsed[at]?.name ?? ""));
  return { summary, start: start.text, end, zone: start.zone, ...repeat, kept };
}

function endOf(start: LocalTime, end: Line | undefined, duration: Line | undefined): string | undefined {
  if (end !== undefined) {
    const at = timeOf(end);
    return at?.zone === start.zone ? at.text : undefined;
  }
  if (duration !== undefined) {
    const minutes = lengthOf(duration.value);
    return minutes === undefined ? undefined : later(start.text, minutes);
  }
  return start.isDate ? later(start.text, 24 * 60) : undefined;
}

export function isKept(event: EventForm | KeptEvent): event is KeptEvent {
  return "lines" in event;
}

/** Of a document of type ChangeCalendar; the server has looked at it when it took it. */
export function readCalendar(name: string, text: string): CalendarForm {
  const head: string[] = [];
  const found: (EventForm | KeptEvent)[] = [];
  let [description, type] = ["", "DEFAULT_OPEN"];
  let event: string[] | undefined;
  for (const line of unfold(text)) {
    const upper = line.trim().toUpperCase();
    const parsed = lineOf(line);
    const [property, value] = [parsed?.name, parsed?.value ?? ""];
    if (upper === "BEGIN:VEVENT") event = [];
    else if (upper === "END:VEVENT") {
      if (event !== undefined) found.push(eventOf(event));
      event = undefined;
    } else if (event !== undefined) event.push(line);
    else if (property === "X-CALENDAR-TYPE") type = value;
    else if (property === "X-WR-CALDESC") description = unescape(value);
    else if (!/:VCALENDAR$/.test(upper)) head.push(line);
  }
  return {
    name,
    description,
    type: type === "DEFAULT_CLOSED" ? "DEFAULT_CLOSED" : "DEFAULT_OPEN",
    events: found.filter((one): one is EventForm => !isKept(one)),
    keptEvents: found.filter(isKept),
    head,
  };
}

/** In lines of at most 75 bytes, as iCalendar wants it. */
function fold(line: string): string {
  const encoder = new TextEncoder();
  let [folded, room] = ["", 75];
  for (const letter of line) {
    const size = encoder.encode(letter).length;
    if (size > room) {
      folded += "\r\n ";
      room = 74;
    }
    folded += letter;
    room -= size;
  }
  return folded;
}

function timeLine(name: string, text: string, zone: string): string {
  const at = `${clockText(clock(text) ?? new Date(0))
    .replace(/[-:]/g, "")
    .replace(" ", "T")}00`;
  return zone.toUpperCase() === "UTC" ? `${name}:${at}Z` : `${name};TZID=${zone}:${at}`;
}

function ruleLine({ repeats, interval, days, until, count }: EventForm): string[] {
  if (repeats === "") return [];
  const parts = [
    `FREQ=${repeats}`,
    ...(interval.trim() === "" || interval.trim() === "1" ? [] : [`INTERVAL=${interval.trim()}`]),
    ...(takesDays(repeats) && daysOf(days).length > 0 ? [`BYDAY=${daysOf(days).join(",")}`] : []),
    ...(until.trim() === "" ? [] : [`UNTIL=${until.trim().replaceAll("-", "")}`]),
    ...(count.trim() === "" ? [] : [`COUNT=${count.trim()}`]),
  ];
  return [`RRULE:${parts.join(";")}`];
}

function eventLines(event: EventForm): string[] {
  return [
    ...event.kept,
    `SUMMARY:${escape(event.summary.trim())}`,
    timeLine("DTSTART", event.start, event.zone.trim()),
    timeLine("DTEND", event.end, event.zone.trim()),
    ...ruleLine(event),
  ];
}

/** `now` becomes the stamp of events that have none. */
export function writeCalendar(form: CalendarForm, now: Date): string {
  const stamp = `DTSTAMP:${now.toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
  const stamped = (lines: string[]): string[] => (lines.some((line) => /^DTSTAMP[:;]/i.test(line)) ? [] : [stamp]);
  const events = form.events.map(eventLines).map((lines) => [...stamped(lines), ...lines]);
  const all = [
    "BEGIN:VCALENDAR",
    ...form.head,
    `X-CALENDAR-TYPE:${form.type}`,
    ...(form.description.trim() === "" ? [] : [`X-WR-CALDESC:${escape(form.description.trim())}`]),
    ...[...events, ...form.keptEvents.map(({ lines }) => [...lines])].flatMap((lines) => [
      "BEGIN:VEVENT",
      ...lines,
      "END:VEVENT",
    ]),
    "END:VCALENDAR",
  ];
  return `${all.map(fold).join("\r\n")}\r\n`;
}

/** Whether an event only tells people something. */
export function isAdvisory(event: EventForm | KeptEvent): boolean {
  const lines = (isKept(event) ? event.lines : event.kept).map(lineOf);
  return lines.some((line) => {
    const value = line?.value.toUpperCase() ?? "";
    if (line?.name === "STATUS") return value !== "CONFIRMED" && value !== "TENTATIVE";
    return line?.name.startsWith("X-") === true && line.name.includes("ADVISORY") && value !== "FALSE";
  });
}

const DAYS: Readonly<Record<string, string>> = {
  MO: "Monday",
  TU: "Tuesday",
  WE: "Wednesday",
  TH: "Thursday",
  FR: "Friday",
  SA: "Saturday",
  SU: "Sunday",
};
const NUMBERS = ["", "first ", "second ", "third ", "fourth ", "fifth "];

export function takesDays(repeats: EventForm["repeats"]): boolean {
  return repeats === "WEEKLY" || repeats === "MONTHLY";
}

function daysOf(text: string): string[] {
  return text
    .toUpperCase()
    .split(/[\s,]+/)
    .filter((day) => day !== "");
}

function daysProblem({ repeats, days }: Pick<EventForm, "repeats" | "days">): string | undefined {
  const all = daysOf(days);
  if (all.length === 0) return undefined;
  if (!takesDays(repeats)) return "days are for weeks and months";
  const form = repeats === "WEEKLY" ? /^(MO|TU|WE|TH|FR|SA|SU)$/ : /^([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)$/;
  const wrong = all.find((day) => !form.test(day));
  if (wrong === undefined) return undefined;
  return `${wrong}: MO, TU, WE, TH, FR, SA or SU${repeats === "MONTHLY" ? ", as 2TU or -1FR" : ""}`;
}

function dayWords(day: string): string {
  const number = Number(/^[+-]?\d/.exec(day)?.[0] ?? "0");
  const name = DAYS[day.slice(-2)] ?? day;
  if (number === 0) return name;
  const which = NUMBERS[Math.abs(number)] ?? "";
  return `the ${number > 0 ? which : `${number === -1 ? "" : which}last `}${name}`;
}

const UNITS: Record<Frequency, string> = { DAILY: "day", WEEKLY: "week", MONTHLY: "month", YEARLY: "year" };

/** How often it comes. */
export function repeatWords({ repeats, interval, days, until, count }: EventForm): string {
  if (repeats === "") return "once";
  const every = interval.trim() === "" || interval.trim() === "1" ? "" : `${interval.trim()} `;
  const on = takesDays(repeats) ? daysOf(days).map(dayWords) : [];
  return [
    `every ${every}${UNITS[repeats]}${every === "" ? "" : "s"}`,
    ...(on.length === 0 ? [] : [`on ${on.join(", ")}`]),
    ...(until.trim() === "" ? [] : [`until ${until.trim()}`]),
    ...(count.trim() === "" ? [] : [`${count.trim()} times`]),
  ].join(" ");
}

/** Its first time. */
export function whenWords({ start, end, zone }: EventForm): string {
  const [day = "", time = ""] = end.split(" ");
  return `${start} to ${start.startsWith(day) ? time : end}, ${zone}`;
}

function zoneProblem(zone: string): string | undefined {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone.trim() });
    return zone.trim() === "" ? "name a time zone, such as UTC" : undefined;
  } catch {
    return `${zone.trim()} is no time zone: Europe/Berlin, UTC`;
  }
}

function eventProblems(event: EventForm): Record<string, string> {
  const found: Record<string, string> = {};
  const put = (field: string, problem: string | undefined): void => {
    if (problem !== undefined) found[field] ??= problem;
  };
  const [start, end] = [clock(event.start), clock(event.end)];
  put("start", start === undefined ? "a day and a time: 2026-12-24 18:00" : undefined);
  put("end", end === undefined ? "a day and a time: 2026-12-27 06:00" : undefined);
  if (start !== undefined && end !== undefined) put("end", end <= start ? "it ends after it starts" : undefined);
  put("zone", zoneProblem(event.zone));
  if (event.repeats === "") return found;
  const interval = Number(event.interval.trim() === "" ? "1" : event.interval);
  put("interval", Number.isInteger(interval) && interval >= 1 && interval <= 1000 ? undefined : "1 to 1000");
  put("days", takesDays(event.repeats) ? daysProblem(event) : undefined);
  const until = event.until.trim();
  const last = /^\d{8}T\d{6}Z?$/.test(until) ? undefined : clock(until);
  if (until !== "" && !/^\d{8}T\d{6}Z?$/.test(until) && (last === undefined || until.length !== 10))
    put("until", "a day: 2027-12-31");
  if (last !== undefined && until.slice(0, 10) < event.start.trim().slice(0, 10)) put("until", "not before it starts");
  if (event.count.trim() !== "")
    put("count", /^[1-9]\d{0,5}$/.test(event.count.trim()) ? undefined : "a number of times");
  if (until !== "" && event.count.trim() !== "") put("count", "either a last day or a number of times");
  return found;
}

/** By place: `name`, `events.0.start`. */
export function calendarProblems(form: CalendarForm): Record<string, string> {
  const found: Record<string, string> = {};
  if (!/^[a-zA-Z0-9_\-.]{3,128}$/.test(form.name))
    found["name"] = "3 to 128 letters, digits, dots, hyphens or underscores";
  else if (/^(aws|amazon|amzn)/i.test(form.name)) found["name"] = "names that begin so are reserved";
  form.events.forEach((event, at) => {
    for (const [field, problem] of Object.entries(eventProblems(event))) found[`events.${at}.${field}`] = problem;
  });
  if (Object.keys(found).length === 0) {
    const size = contentProblem(writeCalendar(form, new Date(0)));
    if (size !== undefined) found["events"] = size;
  }
  return found;
}

/** A moment as it is typed: `2026-12-24 18:00` by the viewer's clock, or with a zone, `2026-12-24T18:00:00Z`. */
export function momentOf(text: string): Date | undefined {
  const typed = text.trim();
  const [, date, time, zone] =
    /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2})?))?(Z|[+-]\d{2}:\d{2})?$/.exec(typed) ?? [];
  if (date === undefined || (zone !== undefined && time === undefined) || clock(date) === undefined) return undefined;
  const at = new Date(`${date}T${time ?? "00:00"}${zone ?? ""}`);
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/** As GetCalendarState takes it. */
export function isoSeconds(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}
