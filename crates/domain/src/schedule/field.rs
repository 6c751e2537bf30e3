//! One field of a cron expression: lists of values, ranges and steps, as a set of numbers.
//! The signs that stand for days (`?`, `L`, `W`, `#`) are `days`'. Source: spec systems-manager 22.1, 22.2.

use std::collections::BTreeSet;

/// A field's name for messages, its bounds, and the words that stand for its numbers, from `min` on.
pub(super) struct Field {
    pub name: &'static str,
    pub min: u16,
    pub max: u16,
    pub words: &'static [&'static str],
}

pub(super) const SECONDS: Field = Field { name: "seconds", min: 0, max: 59, words: &[] };
pub(super) const MINUTES: Field = Field { name: "minutes", min: 0, max: 59, words: &[] };
pub(super) const HOURS: Field = Field { name: "hours", min: 0, max: 23, words: &[] };
pub(super) const DAYS_OF_MONTH: Field = Field { name: "day-of-month", min: 1, max: 31, words: &[] };
pub(super) const MONTHS: Field = Field {
    name: "month",
    min: 1,
    max: 12,
    words: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
};
/// 1 is Sunday.
pub(super) const DAYS_OF_WEEK: Field =
    Field { name: "day-of-week", min: 1, max: 7, words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };
pub(super) const YEARS: Field = Field { name: "year", min: 1970, max: 2199, words: &[] };

impl Field {
    /// Reads a list of items. `text` is in capitals.
    pub fn set(&self, text: &str) -> Result<BTreeSet<u16>, String> {
        let mut set = BTreeSet::new();
        for item in text.split(',') {
            self.add(item, &mut set)?;
        }
        Ok(set)
    }

    /// `*`, `a` or `a-b`, each perhaps with `/n`.
    fn add(&self, item: &str, set: &mut BTreeSet<u16>) -> Result<(), String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (item, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.min, self.max),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None => {
                let first = self.value(range)?;
                (first, if step.is_some() { self.max } else { first })
            }
        };
        // A range that ends before it begins goes on past the end of the field.
        let size = self.max - self.min + 1;
        let length = if last >= first { last - first } else { size - first + last };
        let steps = (0..=length).step_by(step.unwrap_or(1).into());
        set.extend(steps.map(|step| self.min + (first - self.min + step) % size));
        Ok(())
    }

    fn step(&self, text: &str) -> Result<u16, String> {
        let size = self.max - self.min + 1;
        let step = number(text).filter(|step| (1..=size).contains(step));
        step.ok_or_else(|| {
            format!("the step `/{text}` of the {} field is not between 1 and {size}", self.name)
        })
    }

    /// A number or a word of this field.
    pub fn value(&self, text: &str) -> Result<u16, String> {
        let word = (self.min..).zip(self.words).find(|(_, word)| **word == text);
        let value = word.map(|(value, _)| value).or_else(|| number(text));
        value.filter(|value| (self.min..=self.max).contains(value)).ok_or_else(|| self.refusal(text))
    }

    fn refusal(&self, text: &str) -> String {
        let words = match self.words {
            [first, .., last] => format!(" or {first}-{last}"),
            _ => String::new(),
        };
        format!("`{text}` in the {} field is not of {}-{}{words}", self.name, self.min, self.max)
    }
}

/// Digits alone: no sign, no space.
pub(super) fn number(text: &str) -> Option<u16> {
    let is_plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_ranges_and_steps() {
        let rows: [(&Field, &str, &[u16]); 12] = [
            (&MINUTES, "5", &[5]),
            (&MINUTES, "0/30", &[0, 30]),
            (&MINUTES, "*/20", &[0, 20, 40]),
            (&MINUTES, "50/3", &[50, 53, 56, 59]),
            (&HOURS, "8-11", &[8, 9, 10, 11]),
            (&HOURS, "8-12/2,23", &[8, 10, 12, 23]),
            (&HOURS, "22-2", &[0, 1, 2, 22, 23]),
            (&HOURS, "22-3/2", &[0, 2, 22]),
            (&DAYS_OF_WEEK, "FRI-MON", &[1, 2, 6, 7]),
            (&DAYS_OF_WEEK, "MON-6", &[2, 3, 4, 5, 6]),
            (&MONTHS, "JAN,JUL,12", &[1, 7, 12]),
            (&DAYS_OF_MONTH, "30-2", &[1, 2, 30, 31]),
        ];
        for (field, text, expected) in rows {
            let set: Vec<u16> = field.set(text).unwrap().into_iter().collect();
            assert_eq!(set, expected, "{text}");
        }
        assert_eq!(YEARS.set("*").unwrap().len(), 230);
    }

    #[test]
    fn refuses_what_is_no_value() {
        for text in
            ["", "60", "-1", "1-", "-", "1,", "a", "1/0", "1/61", "*/", "+1", "1 ", "*-3", "1-2-3", "99999"]
        {
            assert!(MINUTES.set(text).is_err(), "{text}");
        }
        for text in ["0", "8", "SUNDAY", "L"] {
            assert!(DAYS_OF_WEEK.set(text).is_err(), "{text}");
        }
        assert_eq!(
            DAYS_OF_WEEK.set("8").unwrap_err(),
            "`8` in the day-of-week field is not of 1-7 or SUN-SAT"
        );
    }
}
