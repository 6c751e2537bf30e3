//! Addresses of repositories as they may be shown.

/// Without the user and password that may stand in it.
pub fn without_credentials(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hides_credentials() {
        let check = |uri: &str, expected: &str| assert_eq!(without_credentials(uri), expected);
        check("https://user:pass@host/x@y", "https://host/x@y");
        check("https://host/x", "https://host/x");
        check("/mnt/repo", "/mnt/repo");
    }
}
