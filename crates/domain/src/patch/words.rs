//! Classifications and severities: one spelling for what publishers write, when two mean the same, which is the
//! graver. What a rule wants of them is `approve`'s.
//! Source: spec patch-manager 1.4.

/// Gravest first.
const CLASSIFICATIONS: [&str; 8] =
    ["Security", "Bugfix", "Recommended", "Enhancement", "Newpackage", "Optional", "Feature", "Document"];
/// Gravest first; equal ones share a row.
const SEVERITIES: [&[&str]; 5] =
    [&["Critical"], &["Important"], &["Moderate", "Medium"], &["Low"], &["None", "Unspecified", ""]];

/// `security` to `Security`; unknown words stay as they are.
pub(super) fn classification(published: &str) -> &str {
    let known = CLASSIFICATIONS.into_iter().chain(["Yast"]).find(|word| word.eq_ignore_ascii_case(published));
    match known {
        Some(word) => word,
        None if published.eq_ignore_ascii_case("features") => "Feature",
        None => published,
    }
}

/// `moderate` to `Moderate`; unknown words stay as they are.
pub(super) fn severity(published: &str) -> &str {
    let known = SEVERITIES.into_iter().flatten().find(|word| word.eq_ignore_ascii_case(published));
    known.copied().unwrap_or(published)
}

/// `Medium` and `Moderate` are one severity, and so are the ways to say that there is none.
pub(super) fn is_same_severity(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
        || SEVERITIES.iter().any(|same| {
            let holds = |word: &str| same.iter().any(|known| known.eq_ignore_ascii_case(word));
            holds(left) && holds(right)
        })
}

pub(super) fn is_same_classification(left: &str, right: &str) -> bool {
    classification(left).eq_ignore_ascii_case(classification(right))
}

/// Greater is graver. The classification outranks the severity.
pub(super) fn gravity(classification_word: &str, severity_word: &str) -> (usize, usize) {
    let class =
        CLASSIFICATIONS.iter().rev().position(|word| is_same_classification(word, classification_word));
    let severity = SEVERITIES
        .iter()
        .rev()
        .position(|same| same.iter().any(|word| word.eq_ignore_ascii_case(severity_word)));
    (class.map_or(0, |at| at + 1), severity.map_or(0, |at| at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_words_are_spelled_alike() {
        assert_eq!(classification("security"), "Security");
        assert_eq!(classification("newpackage"), "Newpackage");
        assert_eq!(classification("features"), "Feature");
        assert_eq!(classification("yast"), "Yast");
        assert_eq!(classification("unheard-of"), "unheard-of");
        assert_eq!(severity("moderate"), "Moderate");
        assert_eq!(severity("medium"), "Medium");
        assert_eq!(severity("MEGA"), "MEGA");
        assert_eq!(severity(""), "");
    }

    #[test]
    fn medium_is_moderate() {
        assert!(is_same_severity("Medium", "moderate"));
        assert!(is_same_severity("low", "Low"));
        assert!(!is_same_severity("Low", "Medium"));
        assert!(is_same_severity("None", ""));
        assert!(is_same_severity("None", "unspecified"));
        assert!(!is_same_severity("MEGA", "GIGA"));
    }

    #[test]
    fn the_graver_is_greater() {
        let order = [
            ("unheard-of", "Critical"),
            ("enhancement", ""),
            ("Bugfix", ""),
            ("Bugfix", "Low"),
            ("security", "MEGA"),
            ("security", ""),
            ("Security", "low"),
            ("Security", "Medium"),
            ("Security", "important"),
            ("Security", "Critical"),
        ];
        for pair in order.windows(2) {
            assert!(gravity(pair[0].0, pair[0].1) < gravity(pair[1].0, pair[1].1), "{pair:?}");
        }
        assert_eq!(gravity("Security", "medium"), gravity("security", "Moderate"));
    }
}
