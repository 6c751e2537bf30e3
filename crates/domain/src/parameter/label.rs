//! Labels of versions.
//! Source: systems-manager.md 10.3.

const MAX_CHARS: usize = 100;

/// Whether a version may carry it. Numbers are versions, and the services keep two beginnings to themselves.
pub fn is_label(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let lower = text.to_ascii_lowercase();
    (1..=MAX_CHARS).contains(&text.len())
        && text.bytes().all(is_plain)
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_told_from_versions_and_reserved_words() {
        let longest = "x".repeat(100);
        for good in ["prod", "Prod.2026-11_x", "a", ".x", longest.as_str()] {
            assert!(is_label(good), "{good}");
        }
        let longer = "x".repeat(101);
        for bad in ["", "1prod", "aws-prod", "SSM", "a b", "a/b", "ü", longer.as_str()] {
            assert!(!is_label(bad), "{bad}");
        }
    }
}
