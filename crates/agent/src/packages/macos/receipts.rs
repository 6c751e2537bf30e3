//! `/Library/Receipts/InstallHistory.plist`: everything that Apple's installers put on this machine, with dates in UTC.

use std::io::Cursor;

use api::Timestamp;
use serde::Deserialize;

/// One installation. Of several of one name, the last counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub name: String,
    pub version: String,
    pub installed_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "displayName")]
    name: Option<String>,
    #[serde(rename = "displayVersion")]
    version: Option<String>,
    date: Option<plist::Date>,
}

/// XML or binary. Entries without a name say nothing and are left out.
pub fn parse(bytes: &[u8]) -> Result<Vec<Receipt>, plist::Error> {
    let entries: Vec<Entry> = plist::from_reader(Cursor::new(bytes))?;
    let receipt = |entry: Entry| {
        let at = entry.date.and_then(|date| Timestamp::parse(&date.to_xml_format()));
        let version = entry.version.unwrap_or_default().trim().to_owned();
        Some(Receipt { name: entry.name?.trim().to_owned(), version, installed_at: at })
    };
    Ok(entries.into_iter().filter_map(receipt).filter(|receipt| !receipt.name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><array>
 <dict><key>date</key><date>2023-10-31T11:01:02Z</date>
  <key>displayName</key><string>XProtectPlistConfigData</string>
  <key>displayVersion</key><string>2173</string>
  <key>packageIdentifiers</key><array><string>com.apple.pkg.XProtectPlistConfigData</string></array>
  <key>processName</key><string>softwareupdated</string></dict>
 <dict><key>date</key><date>2023-09-01T00:00:00Z</date>
  <key>displayName</key><string>Some Tool</string>
  <key>displayVersion</key><string></string>
  <key>processName</key><string>installer</string></dict>
 <dict><key>processName</key><string>nameless</string></dict>
</array></plist>"#;

    #[test]
    fn reads_receipts() {
        let receipts = parse(HISTORY.as_bytes()).unwrap();
        let lines: Vec<_> = receipts
            .iter()
            .map(|r| (r.name.as_str(), r.version.as_str(), r.installed_at.map(Timestamp::to_iso_seconds)))
            .collect();
        let expected = [
            ("XProtectPlistConfigData", "2173", Some("2023-10-31T11:01:02Z".to_owned())),
            ("Some Tool", "", Some("2023-09-01T00:00:00Z".to_owned())),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn damage_is_an_error() {
        assert!(parse(b"<plist><array><dict>").is_err());
        assert!(parse(b"").is_err());
    }
}
