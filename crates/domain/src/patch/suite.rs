//! Which repositories count as security content on the Debian family.
//! Source: spec patch-manager 2.3.

use crate::facts::Repository;

/// `<codename>-security` on Ubuntu, `*-apps-security` and `*-infra-security` with a subscription;
/// Debian's security archive by its label, by its codename from bullseye on, or by its suite.
pub fn is_security(repository: &Repository) -> bool {
    let is_named_so = |text: &str| text.eq_ignore_ascii_case("Debian-Security");
    let ends_so = |text: &str| text.to_ascii_lowercase().ends_with("-security");
    is_named_so(&repository.origin)
        || is_named_so(&repository.label)
        || ends_so(&repository.suite)
        || ends_so(&repository.codename)
}

/// The name a person knows it by: `bookworm-security`, else the suite.
pub fn display_name(repository: &Repository) -> &str {
    let Repository { suite, codename, .. } = repository;
    // Debian's suites are roles that move on (stable-security); Ubuntu's codename lacks the pocket.
    let pocket = |text: &str| text.split_once('-').map(|(_, pocket)| pocket.to_owned());
    let codename_says_more = pocket(codename) == pocket(suite);
    match (codename.is_empty(), suite.is_empty()) {
        (false, true) => codename,
        (false, false) if codename_says_more => codename,
        _ => suite,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_suites_are_known_and_named() {
        // suite, codename, origin, label, security?, name
        let rows = [
            ("stable-security", "bookworm-security", "Debian", "Debian-Security", true, "bookworm-security"),
            ("oldstable", "buster", "Debian", "Debian-Security", true, "buster"),
            ("stable", "bookworm", "Debian", "Debian", false, "bookworm"),
            ("stable-updates", "bookworm-updates", "Debian", "Debian", false, "bookworm-updates"),
            ("stable-backports", "bookworm-backports", "Debian Backports", "x", false, "bookworm-backports"),
            ("jammy-security", "jammy", "Ubuntu", "Ubuntu", true, "jammy-security"),
            ("jammy-updates", "jammy", "Ubuntu", "Ubuntu", false, "jammy-updates"),
            ("jammy-infra-security", "jammy", "UbuntuESM", "UbuntuESM", true, "jammy-infra-security"),
            ("jammy-apps-updates", "jammy", "UbuntuESMApps", "UbuntuESMApps", false, "jammy-apps-updates"),
            ("stable", "bookworm", "Raspbian", "Raspbian", false, "bookworm"),
            ("", "", "", "", false, ""),
        ];
        for (suite, codename, origin, label, security, name) in rows {
            let repository = Repository {
                suite: suite.to_owned(),
                codename: codename.to_owned(),
                origin: origin.to_owned(),
                label: label.to_owned(),
                ..Repository::default()
            };
            assert_eq!(is_security(&repository), security, "{suite} {label}");
            assert_eq!(display_name(&repository), name, "{suite} {codename}");
        }
    }
}
