//! What `softwareupdate` prints: the list of what it offers in both of its forms (up to macOS 10.14, and since), and its
//! history. The lines' meaning is in their form, not in the language of the session.
//! Source: spec patch-manager 2.6; the forms as they are seen in public recordings.

use std::sync::LazyLock;

use regex::Regex;

/// One offered update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// What `--install` wants to be told.
    pub label: String,
    pub title: String,
    pub version: String,
    pub size_kib: Option<u64>,
    pub is_recommended: bool,
    /// Installing it restarts the machine, or shuts it down.
    pub needs_restart: bool,
}

/// An update that was installed once. Its date has no zone and is left to the installer's own records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    pub name: String,
    pub version: String,
}

/// A line that begins like an offer and does not go on like one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("softwareupdate's list is not understood at line {line}: `{text}`")]
pub struct NotUnderstood {
    /// From 1.
    pub line: usize,
    pub text: String,
}

/// `Safari (12.1.2), 67518K [recommended] [restart]`; a title may hold parentheses and commas of its own.
static BEFORE_10_15: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(?<title>.+) \((?<version>[^()]*)\), (?<size>\d+)K(?<flags>( \[[a-z ]+\])*)$")
});

/// `Title: Safari, Version: 17.1, Size: 141312KiB, Recommended: YES, Action: restart, `
static SINCE_10_15: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^Title: (?<title>.+), Version: (?<version>[^,]*), Size: (?<size>\d+)(K|KiB|KB)",
        r", Recommended: (?<recommended>YES|NO)(, Action: (?<action>[^,]+))?,?$"
    ))
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the patterns are constants and tested")
}

/// In the order of the tool. Lines that are neither offer nor detail (greetings, progress) are passed over.
pub fn parse_list(text: &str) -> Result<Vec<Offer>, NotUnderstood> {
    let mut offers = vec![];
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(label) = line.trim_start().strip_prefix("* ") else { continue };
        let detail = lines.next().map(|(_, detail)| detail.trim()).unwrap_or_default();
        let offer = match label.strip_prefix("Label: ") {
            Some(label) => since_10_15(label.trim(), detail),
            None => before_10_15(label.trim(), detail),
        };
        let not_understood = || NotUnderstood { line: number + 2, text: detail.to_owned() };
        offers.push(offer.ok_or_else(not_understood)?);
    }
    Ok(offers)
}

fn before_10_15(label: &str, detail: &str) -> Option<Offer> {
    let found = BEFORE_10_15.captures(detail)?;
    Some(Offer {
        label: label.to_owned(),
        title: found["title"].to_owned(),
        version: found["version"].trim().to_owned(),
        size_kib: found["size"].parse().ok(),
        is_recommended: found["flags"].contains("[recommended]"),
        needs_restart: found["flags"].contains("[restart]") || found["flags"].contains("[shut down]"),
    })
}

fn since_10_15(label: &str, detail: &str) -> Option<Offer> {
    let found = SINCE_10_15.captures(detail)?;
    Some(Offer {
        label: label.to_owned(),
        title: found["title"].to_owned(),
        version: found["version"].trim().to_owned(),
        size_kib: found["size"].parse().ok(),
        is_recommended: &found["recommended"] == "YES",
        needs_restart: found.name("action").is_some(),
    })
}

impl Offer {
    /// The name that lists of patches use: the label without its version. A label that ends in a build number keeps it.
    pub fn name(&self) -> &str {
        let name = self.label.strip_suffix(self.version.as_str()).and_then(|head| head.strip_suffix('-'));
        name.filter(|name| !self.version.is_empty() && !name.is_empty()).unwrap_or(&self.label)
    }

    /// As baselines write it. `softwareupdate` names no classification: what says that it is about security is, and so
    /// are the lists of malicious software; of the rest, what Apple recommends is recommended.
    pub fn classification(&self) -> &'static str {
        const OF_SECURITY: [&str; 6] = [
            "security update",
            "security response",
            "xprotect",
            "mrtconfigdata",
            "gatekeeper",
            "tccconfigdata",
        ];
        let text = format!("{} {}", self.label, self.title).to_lowercase();
        if OF_SECURITY.iter().any(|word| text.contains(word)) {
            "Security"
        } else if self.is_recommended {
            "Recommended"
        } else {
            ""
        }
    }
}

/// A table whose columns begin where its second line has dashes. Empty when there is no such line.
pub fn parse_history(text: &str) -> Vec<Past> {
    let mut lines = text.lines();
    let is_ruler = |line: &&str| line.starts_with('-') && line.chars().all(|c| c == '-' || c == ' ');
    let Some(ruler) = lines.find(is_ruler) else { return Vec::new() };
    let starts: Vec<usize> =
        std::iter::once(0).chain(ruler.match_indices(" -").map(|(place, _)| place + 1)).collect();
    let &[_, version, date, ..] = starts.as_slice() else { return Vec::new() };
    lines
        .filter_map(|line| {
            // Columns count characters, and names may hold others than ASCII.
            let of = |from: usize, to: usize| {
                line.chars().skip(from).take(to - from).collect::<String>().trim().to_owned()
            };
            let past = Past { name: of(0, version), version: of(version, date) };
            (!past.name.is_empty()).then_some(past)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = "\
Software Update Tool

Finding available software
Software Update found the following new or updated software:
* Label: macOS Ventura 13.6.1-22G313
\tTitle: macOS Ventura 13.6.1, Version: 13.6.1, Size: 1205862KiB, Recommended: YES, Action: restart, 
* Label: Safari17.1VenturaAuto-17.1
\tTitle: Safari, Version: 17.1, Size: 141312K, Recommended: YES, 
* Label: Firmware, odd (a)-1
\tTitle: Firmware, odd (a), Version: 1, Size: 10KiB, Recommended: NO, Action: shut down,
* Label: macOS 13 Rapid Security Response-22G310
\tTitle: Rapid Security Response (a), Version: 13.6 (a), Size: 99KiB, Recommended: YES, Action: restart, 
";

    const OLD: &str = "\
Software Update Tool

Finding available software
Software Update found the following new or updated software:
   * Safari12.1.2-12.1.2
\tSafari (12.1.2), 67518K [recommended]
   * Security Update 2019-004-10.13.6
\tSecurity Update 2019-004 (10.13.6), 1836274K [recommended] [restart]
   * Printer-2.0
\tPrinter Drivers (Epson), all (2.0), 1K
";

    /// Name, title, version, size, whether it restarts, classification.
    type Row = (String, String, String, Option<u64>, bool, &'static str);

    fn summary(text: &str) -> Vec<Row> {
        let offers = parse_list(text).unwrap();
        let line = |offer: &Offer| {
            let (name, version) = (offer.name().to_owned(), offer.version.clone());
            let class = offer.classification();
            (name, offer.title.clone(), version, offer.size_kib, offer.needs_restart, class)
        };
        offers.iter().map(line).collect()
    }

    fn row(name: &str, title: &str, version: &str, size: u64, restart: bool, class: &'static str) -> Row {
        (name.into(), title.into(), version.into(), Some(size), restart, class)
    }

    #[test]
    fn reads_the_form_since_10_15() {
        let expected = [
            row(
                "macOS Ventura 13.6.1-22G313",
                "macOS Ventura 13.6.1",
                "13.6.1",
                1_205_862,
                true,
                "Recommended",
            ),
            row("Safari17.1VenturaAuto", "Safari", "17.1", 141_312, false, "Recommended"),
            row("Firmware, odd (a)", "Firmware, odd (a)", "1", 10, true, ""),
            row(
                "macOS 13 Rapid Security Response-22G310",
                "Rapid Security Response (a)",
                "13.6 (a)",
                99,
                true,
                "Security",
            ),
        ];
        assert_eq!(summary(NEW), expected);
    }

    #[test]
    fn reads_the_form_before_10_15() {
        let expected = [
            row("Safari12.1.2", "Safari", "12.1.2", 67_518, false, "Recommended"),
            row(
                "Security Update 2019-004",
                "Security Update 2019-004",
                "10.13.6",
                1_836_274,
                true,
                "Security",
            ),
            row("Printer", "Printer Drivers (Epson), all", "2.0", 1, false, ""),
        ];
        assert_eq!(summary(OLD), expected);
    }

    #[test]
    fn nothing_offered_is_an_empty_list() {
        assert_eq!(parse_list("Software Update Tool\n\nFinding available software\n"), Ok(vec![]));
        assert_eq!(parse_list("No new software available.\n"), Ok(vec![]));
    }

    #[test]
    fn a_form_of_the_future_is_an_error_and_not_silence() {
        let error = parse_list("* Label: A-1\n\tName: A; Version: 1\n").unwrap_err();
        assert_eq!((error.line, error.text.as_str()), (2, "Name: A; Version: 1"));
        assert!(parse_list("* Label: A-1").is_err());
    }

    #[test]
    fn reads_the_history_by_its_columns() {
        let text = "\
Display Name                                       Version    Date                  
------------                                       -------    ----                  
macOS Ventura 13.6.1                               13.6.1     11/03/2023, 09:15:01  
XProtectPlistConfigData                            2173       10/31/2023, 12:01:02  
Gatekeeper für alle                                94         10/31/2023, 12:01:02  

";
        let found: Vec<_> = parse_history(text).into_iter().map(|past| (past.name, past.version)).collect();
        let expected = [
            ("macOS Ventura 13.6.1", "13.6.1"),
            ("XProtectPlistConfigData", "2173"),
            ("Gatekeeper für alle", "94"),
        ];
        assert_eq!(found, expected.map(|(name, version)| (name.to_owned(), version.to_owned())));
        assert_eq!(parse_history("no table here\n"), []);
    }
}
