//! Which updates AWS-InstallWindowsUpdates means: KBs named or left out, categories, severities, dates of publication.
//! The documents it replaced are mapped onto it. Source: spec patch-manager 4.10.

use std::str::FromStr;

use api::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::agent::Update;
use super::categories::classification;
use super::facts::article_ids;

const DAY_SECONDS: i64 = 86_400;

/// What a document's parameters say; empty texts mean nothing.
#[derive(Clone, Debug, Default)]
pub struct Wishes<'a> {
    pub include_kbs: &'a str,
    pub exclude_kbs: &'a str,
    pub categories: &'a str,
    pub severities: &'a str,
    pub published_days_old: &'a str,
    pub published_after: &'a str,
    pub published_before: &'a str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    include: Vec<String>,
    exclude: Vec<String>,
    categories: Vec<String>,
    severities: Vec<String>,
    /// Published at this moment or earlier.
    latest: Option<Timestamp>,
    /// Published at this moment or later.
    earliest: Option<Timestamp>,
    level: Level,
}

/// `UpdateLevel` of AWS-InstallMissingWindowsUpdates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    #[default]
    All,
    /// What Windows installs by itself.
    Important,
    /// What Windows only shows.
    Optional,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    #[error("`{0}` is not a KB number: write KB5031364 or 5031364, several with commas between")]
    Kb(String),
    #[error("`{value}` is not a value of {parameter}: one or several of {known}, with commas between")]
    Word { parameter: &'static str, value: String, known: String },
    #[error("`{0}` is not a number of days")]
    Days(String),
    #[error("`{0}` is not a date: write 2026-01-31 or 2026-01-31T12:00:00Z")]
    Date(String),
}

const CATEGORIES: [&str; 14] = [
    "Application",
    "Connectors",
    "CriticalUpdates",
    "DefinitionUpdates",
    "DeveloperKits",
    "Drivers",
    "FeaturePacks",
    "Guidance",
    "Microsoft",
    "SecurityUpdates",
    "ServicePacks",
    "Tools",
    "UpdateRollups",
    "Updates",
];
const SEVERITIES: [&str; 5] = ["Critical", "Important", "Low", "Moderate", "Unspecified"];
/// This category is a company, not a classification.
const COMPANY: &str = "Microsoft";

impl Selection {
    pub fn parse(wishes: &Wishes<'_>, level: Level, now: Timestamp) -> Result<Self, SelectionError> {
        let by_age = match wishes.published_days_old.trim() {
            "" => None,
            text => {
                let days: u32 = text.parse().map_err(|_| SelectionError::Days(text.to_owned()))?;
                Some(now.plus_seconds(-DAY_SECONDS * i64::from(days)))
            }
        };
        let before = moment(wishes.published_before, EdgeOfDay::End)?;
        Ok(Self {
            include: kbs(wishes.include_kbs)?,
            exclude: kbs(wishes.exclude_kbs)?,
            categories: words("Categories", wishes.categories, &CATEGORIES)?,
            severities: words("SeverityLevels", wishes.severities, &SEVERITIES)?,
            latest: match (by_age, before) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (one, other) => one.or(other),
            },
            earliest: moment(wishes.published_after, EdgeOfDay::Start)?,
            level,
        })
    }

    /// Naming KBs makes categories, severities and dates irrelevant; what is left out stays out.
    pub fn wants(&self, update: &Update) -> bool {
        let articles = article_ids(update);
        if articles.iter().any(|kb| self.exclude.contains(kb)) {
            return false;
        }
        if !self.include.is_empty() {
            return articles.iter().any(|kb| self.include.contains(kb));
        }
        self.fits_category(update)
            && self.fits_severity(update)
            && self.fits_date(update)
            && match self.level {
                Level::All => true,
                Level::Important => !update.is_optional,
                Level::Optional => update.is_optional,
            }
    }

    fn fits_category(&self, update: &Update) -> bool {
        let word = classification(update);
        let is_microsofts = || update.categories.iter().any(|category| category.name == COMPANY);
        self.categories.is_empty()
            || self.categories.contains(&word)
            || (self.categories.iter().any(|wanted| wanted == COMPANY) && is_microsofts())
    }

    fn fits_severity(&self, update: &Update) -> bool {
        let severity = match update.msrc_severity.trim() {
            "" => "Unspecified",
            severity => severity,
        };
        self.severities.is_empty() || self.severities.iter().any(|known| known.eq_ignore_ascii_case(severity))
    }

    /// What has no date is as old as can be.
    fn fits_date(&self, update: &Update) -> bool {
        let published = update.deployed_at.unwrap_or(Timestamp::EPOCH);
        self.latest.is_none_or(|latest| published <= latest)
            && self.earliest.is_none_or(|earliest| published >= earliest)
    }

    /// Named KBs that none of these updates bears.
    pub fn unknown_kbs(&self, updates: &[Update]) -> Vec<&str> {
        let is_known = |kb: &&String| updates.iter().any(|update| article_ids(update).contains(kb));
        self.include.iter().filter(|kb| !is_known(kb)).map(String::as_str).collect()
    }
}

impl FromStr for Level {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        match text {
            "" | "All" => Ok(Self::All),
            "Important" => Ok(Self::Important),
            "Optional" => Ok(Self::Optional),
            other => Err(SelectionError::Word {
                parameter: "UpdateLevel",
                value: other.to_owned(),
                known: "All, Important, Optional".to_owned(),
            }),
        }
    }
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

fn kbs(list: &str) -> Result<Vec<String>, SelectionError> {
    let kb = |entry: &str| {
        let has_prefix = entry.get(..2).is_some_and(|head| head.eq_ignore_ascii_case("KB"));
        let digits = if has_prefix { &entry[2..] } else { entry };
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| format!("KB{digits}")).ok_or_else(|| SelectionError::Kb(entry.to_owned()))
    };
    entries(list).map(kb).collect()
}

/// In the spelling of `known`, whatever the case was.
fn words(parameter: &'static str, list: &str, known: &[&str]) -> Result<Vec<String>, SelectionError> {
    let word = |entry: &str| {
        let found = known.iter().find(|word| word.eq_ignore_ascii_case(entry));
        found.map(|word| (*word).to_owned()).ok_or_else(|| SelectionError::Word {
            parameter,
            value: entry.to_owned(),
            known: known.join(", "),
        })
    };
    entries(list).map(word).collect()
}

/// Which end of a day a date without a time stands for.
#[derive(Clone, Copy)]
enum EdgeOfDay {
    Start,
    End,
}

fn moment(text: &str, edge: EdgeOfDay) -> Result<Option<Timestamp>, SelectionError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(Some(Timestamp::from_millis(at.as_millisecond())));
    }
    let midnight = |date: Date| date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second());
    let start = text.parse::<Date>().ok().and_then(midnight);
    let start = start.ok_or_else(|| SelectionError::Date(text.to_owned()))?;
    Ok(Some(Timestamp::from_seconds(match edge {
        EdgeOfDay::Start => start,
        EdgeOfDay::End => start + DAY_SECONDS - 1,
    })))
}

#[cfg(test)]
mod tests {
    use super::super::fake::update;
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000); // 2023-11-14T22:13:20Z

    fn published(days_ago: i64, severity: &str) -> Update {
        let mut update = update("a", "A (KB5031361)");
        update.deployed_at = Some(NOW.plus_seconds(-DAY_SECONDS * days_ago));
        update.msrc_severity = severity.to_owned();
        update
    }

    fn wants(wishes: &Wishes<'_>, update: &Update) -> bool {
        Selection::parse(wishes, Level::All, NOW).unwrap().wants(update)
    }

    #[test]
    fn nothing_said_means_everything() {
        assert!(wants(&Wishes::default(), &published(0, "")));
    }

    #[test]
    fn kbs_are_named_and_left_out() {
        let update = published(1, "Low");
        let rows = [
            ("KB5031361", "", true),
            ("5031361", "", true),
            ("kb5031361,KB1", "", true),
            ("KB1", "", false),
            ("", "5031361", false),
            ("KB5031361", "KB5031361", false),
        ];
        for (include_kbs, exclude_kbs, expected) in rows {
            // Naming KBs makes the others irrelevant.
            let severities = if include_kbs.is_empty() { "" } else { "Critical" };
            let wishes = Wishes { include_kbs, exclude_kbs, severities, ..Wishes::default() };
            assert_eq!(wants(&wishes, &update), expected, "{wishes:?}");
        }
        let selection =
            Selection::parse(&Wishes { include_kbs: "KB1,5031361", ..Wishes::default() }, Level::All, NOW);
        assert_eq!(selection.unwrap().unknown_kbs(&[update]), ["KB1"]);
    }

    #[test]
    fn categories_and_severities_narrow() {
        let update = published(1, "");
        let rows = [
            ("SecurityUpdates", "", true),
            ("securityupdates,Drivers", "", true),
            ("Drivers", "", false),
            ("", "Unspecified", true),
            ("", "Critical,Important", false),
            ("SecurityUpdates", "Critical", false),
        ];
        for (categories, severities, expected) in rows {
            let wishes = Wishes { categories, severities, ..Wishes::default() };
            assert_eq!(wants(&wishes, &update), expected, "{wishes:?}");
        }
    }

    #[test]
    fn dates_narrow() {
        let rows = [
            ("7", "", "", 8, true),
            ("7", "", "", 6, false),
            ("", "2023-11-01", "", 13, true),
            ("", "2023-11-01", "", 14, false),
            ("", "", "2023-11-04", 10, true), // that day included
            ("", "", "2023-11-03", 10, false),
            ("", "", "2023-11-04T12:00:00Z", 10, false),
            ("7", "2023-11-01", "2023-11-12", 3, false),
        ];
        for (published_days_old, published_after, published_before, age, expected) in rows {
            let wishes =
                Wishes { published_days_old, published_after, published_before, ..Wishes::default() };
            assert_eq!(wants(&wishes, &published(age, "")), expected, "{wishes:?} {age}");
        }
        let undated = Update { deployed_at: None, ..published(0, "") };
        assert!(wants(&Wishes { published_days_old: "360", ..Wishes::default() }, &undated));
    }

    #[test]
    fn levels_tell_optional_updates_apart() {
        let mut update = published(1, "");
        update.is_optional = true;
        for (text, expected) in [("All", true), ("", true), ("Important", false), ("Optional", true)] {
            let selection = Selection::parse(&Wishes::default(), text.parse().unwrap(), NOW).unwrap();
            assert_eq!(selection.wants(&update), expected, "{text}");
        }
        assert!("Some".parse::<Level>().is_err());
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_words() {
        let wrong = [
            Wishes { include_kbs: "KBx", ..Wishes::default() },
            Wishes { categories: "Security", ..Wishes::default() },
            Wishes { severities: "High", ..Wishes::default() },
            Wishes { published_days_old: "-1", ..Wishes::default() },
            Wishes { published_after: "01/02/2023", ..Wishes::default() },
        ];
        for wishes in wrong {
            let error = Selection::parse(&wishes, Level::All, NOW).unwrap_err().to_string();
            assert!(error.contains("is not"), "{error}");
        }
    }
}
