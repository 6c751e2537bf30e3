//! What AWS-ConfigureWindowsUpdate sets: the policy values of automatic updates. Writing them is `registry`'s.
//! Source: spec patch-manager 4.10; the published Windows Update policy values.

/// One DWORD below [`super::policy::AUTOMATIC_KEY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: &'static str,
    pub value: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a value of {parameter}: {known}")]
pub struct SettingsError {
    parameter: &'static str,
    value: String,
    known: &'static str,
}

/// The names AWS gives to days, in the order of Windows' numbers: 0 is every day, 1 Sunday.
const DAYS: [&str; 8] =
    ["Daily", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const INSTALL_ON_SCHEDULE: u32 = 4;
const MINUTES_TO_RESTART: u32 = 15;

/// Day and time matter for automatic installation only; empty ones mean every day at 03:00.
pub fn settings(level: &str, day: &str, time: &str) -> Result<Vec<Setting>, SettingsError> {
    let set = |name, value| Setting { name, value };
    match level {
        "NeverCheckForUpdates" => Ok(vec![set("NoAutoUpdate", 1)]),
        "InstallUpdatesAutomatically" => Ok(vec![
            set("NoAutoUpdate", 0),
            set("AUOptions", INSTALL_ON_SCHEDULE),
            set("ScheduledInstallDay", day_number(day)?),
            set("ScheduledInstallTime", hour(time)?),
            set("AlwaysAutoRebootAtScheduledTime", 1),
            set("AlwaysAutoRebootAtScheduledTimeMinutes", MINUTES_TO_RESTART),
        ]),
        other => Err(SettingsError {
            parameter: "updateLevel",
            value: other.to_owned(),
            known: "InstallUpdatesAutomatically or NeverCheckForUpdates",
        }),
    }
}

fn day_number(text: &str) -> Result<u32, SettingsError> {
    let wanted = if text.is_empty() { "Daily" } else { text };
    let place = DAYS.iter().position(|day| day.eq_ignore_ascii_case(wanted));
    place.and_then(|place| u32::try_from(place).ok()).ok_or_else(|| SettingsError {
        parameter: "scheduledInstallDay",
        value: text.to_owned(),
        known: "Daily or the name of a weekday",
    })
}

fn hour(text: &str) -> Result<u32, SettingsError> {
    let wanted = if text.is_empty() { "03:00" } else { text };
    let hours = wanted.strip_suffix(":00").filter(|hours| (1..=2).contains(&hours.len()));
    let hour = hours.and_then(|hours| hours.parse().ok()).filter(|hour| *hour < 24);
    hour.ok_or_else(|| SettingsError {
        parameter: "scheduledInstallTime",
        value: text.to_owned(),
        known: "a full hour from 00:00 to 23:00",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(settings: &[Setting], name: &str) -> Option<u32> {
        settings.iter().find(|setting| setting.name == name).map(|setting| setting.value)
    }

    #[test]
    fn automatic_installation_has_a_day_and_an_hour() {
        let rows = [
            ("Daily", "03:00", 0, 3),
            ("sunday", "00:00", 1, 0),
            ("Saturday", "23:00", 7, 23),
            ("", "", 0, 3),
        ];
        for (day, time, day_number, hour) in rows {
            let settings = settings("InstallUpdatesAutomatically", day, time).unwrap();
            assert_eq!(value(&settings, "ScheduledInstallDay"), Some(day_number), "{day}");
            assert_eq!(value(&settings, "ScheduledInstallTime"), Some(hour), "{time}");
            assert_eq!(value(&settings, "NoAutoUpdate"), Some(0));
        }
    }

    #[test]
    fn never_means_never() {
        let settings = settings("NeverCheckForUpdates", "Daily", "03:00").unwrap();
        assert_eq!(settings, [Setting { name: "NoAutoUpdate", value: 1 }]);
    }

    #[test]
    fn anything_else_is_refused() {
        let rows = [
            ("Sometimes", "Daily", "03:00"),
            ("InstallUpdatesAutomatically", "Someday", "03:00"),
            ("InstallUpdatesAutomatically", "Daily", "24:00"),
            ("InstallUpdatesAutomatically", "Daily", "03:30"),
            ("InstallUpdatesAutomatically", "Daily", "3"),
        ];
        for (level, day, time) in rows {
            assert!(settings(level, day, time).is_err(), "{level} {day} {time}");
        }
    }
}
