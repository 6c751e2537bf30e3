//! Entries of ApprovedPatches and RejectedPatches, and the glob that override lists share.
//! Source: spec patch-manager 1.6.

/// The first entry that names this package. The Debian family writes bare names, which stand for
/// every architecture and version; `*` is understood too, since no package name can hold one.
pub fn entry_for_package<'a>(entries: &'a [String], package: &str) -> Option<&'a str> {
    entries.iter().map(String::as_str).find(|entry| glob(entry, package))
}

/// Whether `*` in `pattern`, standing for any run of characters, can make it `text`.
pub fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let rows = [
            ("openssl", "openssl", true),
            ("openssl", "openssl-dev", false),
            ("open*", "openssl", true),
            ("*ssl", "openssl", true),
            ("o*s*l", "openssl", true),
            ("*", "", true),
            ("**", "x", true),
            ("a*a", "a", false), // the two ends may not share a letter
            ("ab*b", "ab", false),
            ("", "", true),
            ("", "x", false),
            ("a*bc*d", "abcbd", true),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_first_entry_is_named() {
        let entries = ["vim".to_owned(), "lib*".to_owned(), "libc6".to_owned()];
        assert_eq!(entry_for_package(&entries, "libc6"), Some("lib*"));
        assert_eq!(entry_for_package(&entries, "bash"), None);
    }
}
