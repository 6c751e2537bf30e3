//! A slow evaluator of cron expressions, which walks every minute and looks at the clock on the wall, and its comparison
//! with the real one over ten years. It shares no code with it: expressions are made, not read.

use api::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::tests::zone_of;
use super::{Calendar, Schedule};

const FROM: Date = Date::constant(2016, 1, 1);
const TO: Date = Date::constant(2026, 1, 1);
/// Minutes between two looks at the clock, where nothing happens to it in between.
const BLOCK: i64 = 15;
const MINUTES_A_DAY: i64 = 24 * 60;
/// Whole days with changes of clocks, changes at midnight, half an hour, none, a skipped summer.
const ZONES: [&str; 8] = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "Asia/Beirut",
];

/// An expression with what it was made to mean.
struct Made {
    text: String,
    minutes: Vec<i64>,
    hours: Vec<i64>,
    is_day: Box<dyn Fn(Date) -> bool>,
    offset_days: u8,
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()].clone()
    }
}

fn last_day(date: Date) -> i8 {
    (28..=31).rev().find(|day| Date::new(date.year(), date.month(), *day).is_ok()).unwrap()
}

fn is_workday(date: Date) -> bool {
    !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// The workday of the month that is fewest days away; the earlier one of a Saturday, the later one of a Sunday.
fn nearest_workday(date: Date, wanted: i8) -> Option<i8> {
    let of_month = |day| Date::new(date.year(), date.month(), day).ok();
    of_month(wanted)?;
    let workdays = (1..=31).filter(|day| of_month(*day).is_some_and(is_workday));
    workdays.min_by_key(|day| (*day - wanted).abs())
}

fn make_days(dice: &mut Dice) -> (String, String, Box<dyn Fn(Date) -> bool>) {
    const WEEKDAYS: [(Weekday, &str, u8); 7] = [
        (Weekday::Sunday, "SUN", 1),
        (Weekday::Monday, "MON", 2),
        (Weekday::Tuesday, "tue", 3),
        (Weekday::Wednesday, "WED", 4),
        (Weekday::Thursday, "Thu", 5),
        (Weekday::Friday, "FRI", 6),
        (Weekday::Saturday, "SAT", 7),
    ];
    let (weekday, name, number) = dice.pick(&WEEKDAYS);
    let name = if dice.below(2) == 0 { name.to_owned() } else { number.to_string() };
    let day = i8::try_from(1 + dice.below(31)).unwrap();
    let of_week = |text: String, holds: Box<dyn Fn(Date) -> bool>| ("?".to_owned(), text, holds);
    let of_month = |text: String, holds: Box<dyn Fn(Date) -> bool>| (text, "?".to_owned(), holds);
    match dice.below(11) {
        0 => of_month("*".into(), Box::new(|_: Date| true)),
        1 => of_month(day.to_string(), Box::new(move |date: Date| date.day() == day)),
        2 => of_month(format!("{day},9"), Box::new(move |date: Date| [day, 9].contains(&date.day()))),
        3 => of_month("L".into(), Box::new(|date: Date| date.day() == last_day(date))),
        4 => {
            let before = day.min(30);
            of_month(format!("L-{before}"), Box::new(move |date: Date| date.day() == last_day(date) - before))
        }
        5 => of_month(
            "LW".into(),
            Box::new(|date: Date| {
                let mut later =
                    (date.day() + 1..=last_day(date)).map(|day| date.with().day(day).build().unwrap());
                is_workday(date) && !later.any(is_workday)
            }),
        ),
        6 => of_month(
            format!("{day}W"),
            Box::new(move |date: Date| nearest_workday(date, day) == Some(date.day())),
        ),
        7 => of_week(name, Box::new(move |date: Date| date.weekday() == weekday)),
        8 => of_week(
            "FRI-MON".into(),
            Box::new(|date: Date| {
                matches!(
                    date.weekday(),
                    Weekday::Friday | Weekday::Saturday | Weekday::Sunday | Weekday::Monday
                )
            }),
        ),
        9 => of_week(
            format!("{name}L"),
            Box::new(move |date: Date| {
                date.weekday() == weekday && date.checked_add(7.days()).unwrap().month() != date.month()
            }),
        ),
        _ => {
            let nth = 1 + dice.below(5);
            of_week(
                format!("{name}#{nth}"),
                Box::new(move |date: Date| {
                    let so_far = (1..=date.day()).map(|day| date.with().day(day).build().unwrap());
                    date.weekday() == weekday
                        && so_far.filter(|date| date.weekday() == weekday).count() as u64 == nth
                }),
            )
        }
    }
}

fn make(dice: &mut Dice) -> Made {
    let (of_month, of_week, of_days) = make_days(dice);
    let minute = dice.pick(&[0i64, 0, 1, 15, 29, 30, 45, 59]);
    let (minutes_text, minutes) = match dice.below(4) {
        0 => ("0/30".to_owned(), vec![0, 30]),
        1 => ("10-50/20".to_owned(), vec![10, 30, 50]),
        _ => (minute.to_string(), vec![minute]),
    };
    // Mostly where clocks change.
    let hour = dice.pick(&[0i64, 0, 1, 1, 2, 2, 3, 12, 23, 23]);
    let (hours_text, hours) = match dice.below(6) {
        0 => ("*/8".to_owned(), vec![0, 8, 16]),
        1 => ("23-2".to_owned(), vec![0, 1, 2, 23]),
        2 => (format!("{hour},2"), vec![hour, 2]),
        _ => (hour.to_string(), vec![hour]),
    };
    let (months_text, months): (&str, Vec<i8>) = match dice.below(5) {
        0 => ("MAR,oct,11", vec![3, 10, 11]),
        1 => ("2/3", vec![2, 5, 8, 11]),
        2 => ("NOV-3", vec![11, 12, 1, 2, 3]),
        _ => ("*", (1..=12).collect()),
    };
    let (years_text, years): (&str, Vec<i16>) = match dice.below(5) {
        0 => ("2017,2020-2022", vec![2017, 2020, 2021, 2022]),
        _ => ("*", (2015..=2027).collect()),
    };
    let offset_days = if dice.below(3) == 0 { u8::try_from(1 + dice.below(6)).unwrap() } else { 0 };
    let is_day =
        move |date: Date| months.contains(&date.month()) && years.contains(&date.year()) && of_days(date);
    let text = format!("cron({minutes_text} {hours_text} {of_month} {months_text} {of_week} {years_text})");
    Made { text, minutes, hours, is_day: Box::new(is_day), offset_days }
}

/// The clock on the wall of a zone, in minutes since a day before `FROM`, for every minute of the ten years:
/// per block its first minute, where the others follow it.
struct Wall {
    first: i64,
    zone: TimeZone,
    blocks: Vec<(i64, bool)>,
}

impl Wall {
    fn of(zone: &TimeZone) -> Self {
        let epoch_minutes = |date: Date| date.to_zoned(TimeZone::UTC).unwrap().timestamp().as_second() / 60;
        let (first, last) = (epoch_minutes(FROM), epoch_minutes(TO));
        let mut wall = Self { first, zone: zone.clone(), blocks: vec![] };
        for start in (first..last).step_by(BLOCK as usize) {
            let begin = wall.look(start);
            let is_even = wall.look(start + BLOCK - 1) == begin + BLOCK - 1;
            wall.blocks.push((begin, is_even));
        }
        wall
    }

    /// Seconds of historical offsets are none in these years.
    fn look(&self, minute: i64) -> i64 {
        let local = self.zone.to_datetime(jiff::Timestamp::from_second(minute * 60).unwrap());
        let days = i64::from((local.date() - origin()).get_days());
        days * MINUTES_A_DAY + i64::from(local.hour()) * 60 + i64::from(local.minute())
    }
}

fn origin() -> Date {
    FROM.checked_sub(10.days()).unwrap()
}

/// Every minute of the ten years at which the clock shows a wanted time for the first time, or jumps over one.
fn slow(made: &Made, wall: &Wall) -> Vec<i64> {
    let is_time: Vec<bool> = (0..MINUTES_A_DAY)
        .map(|minute| made.hours.contains(&(minute / 60)) && made.minutes.contains(&(minute % 60)))
        .collect();
    let in_block: Vec<bool> = is_time.chunks(BLOCK as usize).map(|block| block.contains(&true)).collect();
    let days = (TO - FROM).get_days() + 30;
    let shift = i32::from(made.offset_days);
    let is_day: Vec<bool> =
        (0..days).map(|day| (made.is_day)(origin().checked_add((day - shift).days()).unwrap())).collect();
    let index = |value: i64| usize::try_from(value).unwrap();
    let wanted = |local: i64| is_day[index(local / MINUTES_A_DAY)] && is_time[index(local % MINUTES_A_DAY)];

    let mut due = vec![];
    let mut shown = wall.blocks[0].0 - 1;
    for (block, (begin, is_even)) in wall.blocks.iter().enumerate() {
        let start = wall.first + block as i64 * BLOCK;
        let is_ordinary = *is_even && *begin == shown + 1 && begin % BLOCK == 0;
        let may_be_due =
            is_day[index(begin / MINUTES_A_DAY)] && in_block[index(begin % MINUTES_A_DAY / BLOCK)];
        if is_ordinary && !may_be_due {
            shown += BLOCK;
            continue;
        }
        for minute in 0..BLOCK {
            let local = if *is_even { begin + minute } else { wall.look(start + minute) };
            if (shown + 1..=local).any(wanted) {
                due.push(start + minute);
            }
            shown = shown.max(local);
        }
    }
    due
}

fn fast(made: &Made, zone: &TimeZone) -> Vec<i64> {
    let epoch = |date: Date| {
        Timestamp::from_millis(date.to_zoned(TimeZone::UTC).unwrap().timestamp().as_millisecond())
    };
    let schedule = Schedule::parse_for_window(&made.text).unwrap();
    let long_ago = Timestamp::parse("2015-01-01T00:00:00Z").unwrap();
    let calendar =
        Calendar { zone: zone.clone(), offset_days: made.offset_days, ..Calendar::new(schedule, long_ago) };
    let upcoming = calendar.upcoming(epoch(FROM).plus_millis(-1));
    upcoming.take_while(|due| *due < epoch(TO)).map(|due| due.as_seconds() / 60).collect()
}

/// So many expressions in each zone.
fn compare(zone_names: &[&str], count: u64) {
    let mut fired = 0;
    for (i, name) in zone_names.iter().enumerate() {
        let zone = zone_of(name);
        let wall = Wall::of(&zone);
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (name.len() as u64) << 32 ^ (i as u64 + 1));
        for _ in 0..count {
            let made = make(&mut dice);
            let (slow, fast) = (slow(&made, &wall), fast(&made, &zone));
            let differs = slow.iter().zip(&fast).find(|(slow, fast)| slow != fast);
            assert_eq!(
                slow.len(),
                fast.len(),
                "{} in {name}, offset {}: {differs:?}",
                made.text,
                made.offset_days
            );
            assert_eq!(differs, None, "{} in {name}, offset {}", made.text, made.offset_days);
            fired += slow.len();
        }
    }
    assert!(fired > 1000, "the comparison compares something: {fired}");
}

#[test]
fn agrees_with_every_minute_of_ten_years_in_the_west() {
    compare(&ZONES[..4], 30);
}

#[test]
fn agrees_with_every_minute_of_ten_years_elsewhere() {
    compare(&ZONES[4..], 30);
}
