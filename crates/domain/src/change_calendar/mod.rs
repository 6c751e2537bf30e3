//! Change calendars: when changes may be made. Read from iCalendar text; the zones are the caller's.
//! How events repeat is `repeat`'s. Source: spec systems-manager 20.

mod repeat;
#[cfg(test)]
mod tests;

use std::ops::{Range, RangeInclusive};

use api::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Span};

use repeat::Rule;

/// Of a start: whoever counts how often an event was goes through its days.
const YEARS: RangeInclusive<i16> = 1970..=2199;

/// The end is not part of it.
type Moments = Range<jiff::Timestamp>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Closed,
}

impl State {
    fn other(self) -> Self {
        match self {
            Self::Open => Self::Closed,
            Self::Closed => Self::Open,
        }
    }
}

/// Open or closed but for its events, which are the other.
#[derive(Clone, Debug)]
pub struct ChangeCalendar {
    default: State,
    events: Vec<Event>,
}

#[derive(Clone, Debug)]
struct Event {
    start: DateTime,
    zone: TimeZone,
    length: Length,
    rule: Option<Rule>,
    /// By the clock of `zone`.
    excluded: Vec<DateTime>,
}

#[derive(Clone, Copy, Debug)]
enum Length {
    /// By the clock on the wall: whole days stay whole when clocks change.
    Until(DateTime),
    For(SignedDuration),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    #[error("it is no iCalendar text: no line BEGIN:VCALENDAR")]
    NoCalendar,
    #[error("X-CALENDAR-TYPE is missing; expected DEFAULT_OPEN or DEFAULT_CLOSED")]
    NoType,
    #[error("X-CALENDAR-TYPE `{0}` is neither DEFAULT_OPEN nor DEFAULT_CLOSED")]
    Type(String),
    #[error("{property} `{value}`: {reason}")]
    Property { property: String, value: String, reason: String },
    #[error("an event has no DTSTART")]
    NoStart,
}

/// One unfolded line: `NAME;PARAMETER=x:VALUE`.
struct Line<'a> {
    name: String,
    parameters: &'a str,
    value: &'a str,
}

impl<'a> Line<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        // A colon may stand in a quoted parameter.
        let mut quoted = false;
        let colon = text.find(|c| {
            quoted ^= c == '"';
            c == ':' && !quoted
        })?;
        let (head, value) = (&text[..colon], text[colon + 1..].trim_end());
        let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
        Some(Self { name: name.to_ascii_uppercase(), parameters, value })
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut pairs = self.parameters.split(';').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_matches('"'))
    }

    fn error(&self, reason: impl Into<String>) -> CalendarError {
        let value = self.value.chars().take(80).collect();
        CalendarError::Property { property: self.name.clone(), value, reason: reason.into() }
    }

    /// Each time of the list, and its zone. A date alone is its midnight.
    fn times(&self, zones: &TimeZoneDatabase) -> Result<Vec<(DateTime, TimeZone)>, CalendarError> {
        let named = match self.parameter("TZID") {
            None => TimeZone::UTC,
            Some(name) => {
                let zone = crate::schedule::zone(name.trim_start_matches('/'), zones);
                zone.map_err(|error| self.error(error.to_string()))?
            }
        };
        let mut times = Vec::new();
        for text in self.value.split(',') {
            let at = parse_time(text).ok_or_else(|| self.error("is no time such as 20260131T120000Z"))?;
            let zone = if text.ends_with('Z') { TimeZone::UTC } else { named.clone() };
            times.push((at, zone));
        }
        Ok(times)
    }
}

/// `20260131` or `20260131T120000`, with or without `Z`.
fn parse_time(text: &str) -> Option<DateTime> {
    let (date, time) = match text.trim_end_matches('Z').split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(date, 8) || !time.is_none_or(|time| digits(time, 6)) {
        return None;
    }
    let date = Date::new(date[..4].parse().ok()?, date[4..6].parse().ok()?, date[6..].parse().ok()?).ok()?;
    let time = match time {
        None => Time::midnight(),
        Some(time) => {
            Time::new(time[..2].parse().ok()?, time[2..4].parse().ok()?, time[4..].parse().ok()?, 0).ok()?
        }
    };
    Some(date.to_datetime(time))
}

/// Lines that go on with a blank are one.
fn unfold(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

impl ChangeCalendar {
    /// What it does not understand is refused: an event that is overlooked would let changes through.
    pub fn parse(text: &str, zones: &TimeZoneDatabase) -> Result<Self, CalendarError> {
        let unfolded = unfold(text.trim_start_matches('\u{feff}'));
        let lines: Vec<Line<'_>> = unfolded.iter().filter_map(|line| Line::parse(line)).collect();
        let is = |line: &Line<'_>, name: &str, value: &str| {
            line.name == name && line.value.eq_ignore_ascii_case(value)
        };
        if !lines.iter().any(|line| is(line, "BEGIN", "VCALENDAR")) {
            return Err(CalendarError::NoCalendar);
        }
        let kind = lines.iter().find(|line| line.name == "X-CALENDAR-TYPE").ok_or(CalendarError::NoType)?;
        let default = match kind.value {
            "DEFAULT_OPEN" => State::Open,
            "DEFAULT_CLOSED" => State::Closed,
            other => return Err(CalendarError::Type(other.chars().take(80).collect())),
        };
        let mut events = Vec::new();
        let mut rest = lines.as_slice();
        while let Some(begin) = rest.iter().position(|line| is(line, "BEGIN", "VEVENT")) {
            let body = &rest[begin + 1..];
            let end = body.iter().position(|line| is(line, "END", "VEVENT")).unwrap_or(body.len());
            events.extend(Event::parse(&body[..end], zones)?);
            rest = &body[end..];
        }
        Ok(Self { default, events })
    }

    pub fn state_at(&self, now: Timestamp) -> State {
        let Some(now) = moment(now) else { return self.default };
        match self.events.iter().any(|event| event.spans(now, now).next().is_some()) {
            true => self.default.other(),
            false => self.default,
        }
    }

    /// When it is not as by default, as far as that reaches into `from..=to`: in order, and apart from each other.
    fn exceptions(&self, from: jiff::Timestamp, to: jiff::Timestamp) -> Vec<Moments> {
        let mut spans: Vec<Moments> = self.events.iter().flat_map(|event| event.spans(from, to)).collect();
        spans.sort_unstable_by_key(|span| (span.start, span.end));
        let mut apart: Vec<Moments> = Vec::new();
        for span in spans {
            match apart.last_mut().filter(|last| span.start <= last.end) {
                Some(last) => last.end = last.end.max(span.end),
                None => apart.push(span),
            }
        }
        apart
    }
}

/// Several calendars are open when all of them are.
pub fn state_of(calendars: &[ChangeCalendar], now: Timestamp) -> State {
    match calendars.iter().all(|calendar| calendar.state_at(now) == State::Open) {
        true => State::Open,
        false => State::Closed,
    }
}

/// When [`state_of`] changes for the first time after `now`, up to and with `until`.
pub fn next_change(calendars: &[ChangeCalendar], now: Timestamp, until: Timestamp) -> Option<Timestamp> {
    let (from, to) = (moment(now)?, moment(until)?);
    let exceptions: Vec<_> =
        calendars.iter().map(|calendar| (calendar.default, calendar.exceptions(from, to))).collect();
    let is_open = |at: jiff::Timestamp| {
        exceptions.iter().all(|(default, spans)| {
            let begun = spans.partition_point(|span| span.start <= at);
            let is_exception = begun.checked_sub(1).is_some_and(|last| at < spans[last].end);
            (*default == State::Open) != is_exception
        })
    };
    let mut moments: Vec<_> = exceptions
        .iter()
        .flat_map(|(_, spans)| spans.iter().flat_map(|span| [span.start, span.end]))
        .filter(|at| from < *at && *at <= to)
        .collect();
    moments.sort_unstable();
    let before = is_open(from);
    let change = moments.into_iter().find(|at| is_open(*at) != before)?;
    Some(Timestamp::from_millis(change.as_millisecond()))
}

impl Event {
    /// `None` for one that is there to be read only.
    fn parse(lines: &[Line<'_>], zones: &TimeZoneDatabase) -> Result<Option<Self>, CalendarError> {
        let find = |name: &str| lines.iter().find(|line| line.name == name);
        let is_advisory = |line: &Line<'_>| {
            let says = line.name.starts_with("X-") && line.name.contains("ADVISORY");
            (says && !line.value.eq_ignore_ascii_case("FALSE"))
                || (line.name == "STATUS"
                    && !line.value.eq_ignore_ascii_case("CONFIRMED")
                    && !line.value.eq_ignore_ascii_case("TENTATIVE"))
        };
        if lines.iter().any(is_advisory) {
            return Ok(None);
        }
        if let Some(line) =
            lines.iter().find(|line| matches!(line.name.as_str(), "RDATE" | "EXRULE" | "RECURRENCE-ID"))
        {
            return Err(line.error("is not supported: say it with RRULE, EXDATE or an event of its own"));
        }
        let begin = find("DTSTART").ok_or(CalendarError::NoStart)?;
        let (start, zone) = begin.times(zones)?.swap_remove(0);
        if !YEARS.contains(&start.year()) {
            return Err(begin.error("is not within the years 1970 to 2199"));
        }
        let is_date = !begin.value.contains('T');
        let length = match (find("DTEND"), find("DURATION")) {
            (Some(line), _) => {
                let (end, end_zone) = line.times(zones)?.swap_remove(0);
                // In the zone of the start, so that it repeats with it.
                match end_zone == zone {
                    true => Length::Until(end),
                    false => Length::For(instant(&end_zone, end).duration_since(instant(&zone, start))),
                }
            }
            (None, Some(line)) => {
                let span: Span = line.value.parse().map_err(|_| line.error("is no duration such as PT2H"))?;
                let end = start.checked_add(span).map_err(|error| line.error(error.to_string()))?;
                Length::Until(end)
            }
            (None, None) if is_date => Length::For(SignedDuration::from_hours(24)),
            (None, None) => Length::For(SignedDuration::ZERO),
        };
        let mut excluded = Vec::new();
        for line in lines.iter().filter(|line| line.name == "EXDATE") {
            for (at, its_zone) in line.times(zones)? {
                excluded.push(zone.to_datetime(instant(&its_zone, at)));
            }
        }
        let rule = find("RRULE")
            .map(|line| Rule::parse(line.value, start, &zone).map_err(|reason| line.error(reason)));
        Ok(Some(Self { start, zone, length, rule: rule.transpose()?, excluded }))
    }

    /// Its times that reach into `from..=to`.
    fn spans(&self, from: jiff::Timestamp, to: jiff::Timestamp) -> impl Iterator<Item = Moments> {
        let (first, last) = (self.zone.to_datetime(from).date(), self.zone.to_datetime(to).date());
        let starts: Box<dyn Iterator<Item = DateTime> + '_> = match &self.rule {
            None => Box::new(std::iter::once(self.start)),
            Some(rule) => Box::new(rule.occurrences(self.start, self.first_that_may_reach(first), last)),
        };
        let starts = starts.filter(|start| !self.excluded.contains(start));
        let spans = starts.filter_map(|start| self.span(start));
        spans.filter(move |span| span.start <= to && from < span.end)
    }

    /// What starts before is over by that day.
    fn first_that_may_reach(&self, day: Date) -> Date {
        let length = match self.length {
            Length::For(length) => length,
            Length::Until(end) => end.duration_since(self.start),
        };
        // A day for the part of one, and one for clocks that change.
        day.saturating_sub(Span::new().days((length.as_hours() / 24).max(0) + 2))
    }

    /// One that starts then; nothing where clocks that change leave no time of it.
    fn span(&self, start: DateTime) -> Option<Moments> {
        let begin = instant(&self.zone, start);
        let end = match self.length {
            Length::For(length) => begin.checked_add(length).ok()?,
            Length::Until(end) => {
                let length = end.duration_since(self.start);
                instant(&self.zone, start.checked_add(length).ok()?)
            }
        };
        (begin < end).then_some(begin..end)
    }
}

fn moment(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.as_millis()).ok()
}

fn instant(zone: &TimeZone, at: DateTime) -> jiff::Timestamp {
    let found = zone.to_ambiguous_timestamp(at).compatible();
    // Only at the ends of what the calendar can count, which no event reaches.
    found.unwrap_or(jiff::Timestamp::MAX)
}
