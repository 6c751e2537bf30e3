//! Repository addresses as apt reads them, and the file names that it derives from them.

/// The parts of an address that matter here; a password never leaves the parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri {
    scheme: String,
    /// Empty for local repositories.
    pub host: String,
    port: Option<u32>,
    /// Ends in a slash.
    path: String,
}

impl Uri {
    /// `None` when it is no address at all.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let (authority, path) = match rest.strip_prefix("//") {
            Some(after) => after.split_at(end_of_authority(after)),
            None => ("", rest),
        };
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = split_port(host);
        let mut path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if !path.ends_with('/') {
            path.push('/');
        }
        Some(Self { scheme: scheme.to_owned(), host, port, path })
    }

    /// Without credentials and without the last slash: as apt prints it.
    pub fn shown(&self) -> String {
        let path = &self.path[..self.path.len() - 1];
        if self.host.is_empty() {
            return format!("{}:{}", self.scheme, if path.is_empty() { "/" } else { path });
        }
        let host =
            if self.host.contains([':', '/']) { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{}://{host}{}{path}", self.scheme, self.port_suffix())
    }

    fn port_suffix(&self) -> String {
        self.port.map_or_else(String::new, |port| format!(":{port}"))
    }

    /// The folder of a suite below this address, as the beginning of its files' names among the lists.
    pub fn list_name(&self, suite: &str) -> String {
        let folder = match suite {
            "/" => String::new(),
            flat if flat.ends_with('/') => quote(flat, "+~ "),
            named => format!("dists/{}/", quote(named, "+~ ")),
        };
        file_name(&format!("{}{}{}{folder}", self.host, self.port_suffix(), self.path))
    }
}

/// The name under which apt keeps what it fetched from an address without its scheme.
pub fn file_name(address: &str) -> String {
    quote(address, "\\|{}[]<>\"^~_=!@#$%^&*").replace('/', "_")
}

fn quote(text: &str, unsafe_bytes: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' && !unsafe_bytes.as_bytes().contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            quoted.push_str(&format!("%{byte:02x}"));
        }
    }
    quoted
}

/// The first slash outside brackets.
fn end_of_authority(text: &str) -> usize {
    let mut in_bracket = false;
    let slash = text.bytes().position(|byte| {
        match byte {
            b'[' => in_bracket = true,
            b']' => in_bracket = false,
            _ => {}
        }
        byte == b'/' && !in_bracket
    });
    slash.unwrap_or(text.len())
}

fn split_port(host: &str) -> (String, Option<u32>) {
    let after_bracket = host.rfind(']').map_or(0, |at| at + 1);
    let port = host[after_bracket..].rfind(':').map(|at| after_bracket + at);
    let (name, port) = match port {
        Some(colon) => (&host[..colon], host[colon + 1..].parse().ok().filter(|&port| port != 0)),
        None => (host, None),
    };
    (name.replace(['[', ']'], ""), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_the_names_of_lists() {
        let check = |uri: &str, suite: &str, name: &str, shown: &str| {
            let uri = Uri::parse(uri).unwrap();
            assert_eq!((uri.list_name(suite).as_str(), uri.shown().as_str()), (name, shown));
        };
        let host = "deb.example.org_debian_dists_bookworm_";
        check("http://deb.example.org/debian", "bookworm", host, "http://deb.example.org/debian");
        check(
            "https://u:p@x.example.org:8080/d/",
            "s/u",
            "x.example.org:8080_d_dists_s_u_",
            "https://x.example.org:8080/d",
        );
        check("file:/srv/my_repo", "./", "_srv_my%5frepo_._", "file:/srv/my_repo");
        check("file:///srv/r", "/", "_srv_r_", "file:/srv/r");
        check("http://e.example.org", "a~b", "e.example.org_dists_a%257eb_", "http://e.example.org");
        check("http://[::1]:80/d", "s", "::1:80_d_dists_s_", "http://[::1]:80/d");
        assert_eq!(Uri::parse("nonsense"), None);
    }
}
