//! Texts with `*` for any run of characters, `?` for any one, and `${aws:username}`.

const USER_NAME: &str = "${aws:username}";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// `Err` holds a variable that is not known here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text;
        while let Some((_, variable)) = rest.split_once("${") {
            let end = variable.find('}').map_or(variable.len(), |at| at + 1);
            let (variable, after) = variable.split_at(end);
            if format!("${{{variable}") != USER_NAME {
                return Err(format!("${{{variable}"));
            }
            rest = after;
        }
        Ok(Self(text.to_owned()))
    }

    pub fn matches(&self, text: &str, user_name: &str) -> bool {
        match self.0.contains(USER_NAME) {
            // No user's name has a wildcard in it.
            true => is_match(self.0.replace(USER_NAME, user_name).as_bytes(), text.as_bytes()),
            false => is_match(self.0.as_bytes(), text.as_bytes()),
        }
    }

    /// Whether it matches every text that begins so: only a `*` at its end can.
    pub fn matches_all_below(&self, prefix: &str, user_name: &str) -> bool {
        let pattern = self.0.replace(USER_NAME, user_name);
        let Some(head) = pattern.strip_suffix('*') else { return false };
        // A `*` that ends the pattern takes whatever follows a beginning of the prefix that the rest matches.
        (0..=prefix.len())
            .filter(|end| prefix.is_char_boundary(*end))
            .any(|end| is_match(head.as_bytes(), &prefix.as_bytes()[..end]))
    }

    /// Whether it matches some text that begins so, and goes on without any of `never`.
    pub fn matches_some_below(&self, prefix: &str, never: &[char], user_name: &str) -> bool {
        let pattern = self.0.replace(USER_NAME, user_name);
        // What is left of the pattern behind a part that matches the prefix can always be written out; a `*` in which the
        // prefix ends takes more of it.
        (0..=pattern.len()).filter(|end| pattern.is_char_boundary(*end)).any(|end| {
            let (part, rest) = pattern.split_at(end);
            !rest.contains(never) && is_match(part.as_bytes(), prefix.as_bytes())
        })
    }

    pub fn matches_ignoring_case(&self, text: &str, user_name: &str) -> bool {
        Self(self.0.to_lowercase()).matches(&text.to_lowercase(), &user_name.to_lowercase())
    }

    /// Letter by letter: `*` and `?` stand for themselves.
    pub fn equals(&self, text: &str, user_name: &str) -> bool {
        self.0.replace(USER_NAME, user_name) == text
    }

    pub fn equals_ignoring_case(&self, text: &str, user_name: &str) -> bool {
        self.0.replace(USER_NAME, user_name).to_lowercase() == text.to_lowercase()
    }
}

/// On a mismatch the last `*` takes one more character: no more steps than the product of both lengths.
fn is_match(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                // One character, which may be several bytes.
                t += 1;
                while text.get(t).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    t += 1;
                }
                p += 1;
            }
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    (p, t) = (at + 1, from + 1);
                    star = Some((at, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        let found = Pattern::parse(pattern).unwrap().matches(text, "ann");
        assert_eq!(found, expected, "{pattern} {text}");
    }

    #[test]
    fn wildcards() {
        check("*", "", true);
        check("*", "anything", true);
        check("", "", true);
        check("", "a", false);
        check("a*c", "abbc", true);
        check("a*c", "abbcd", false);
        check("*a*b*", "xaxxbx", true);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("a?", "aé", true);
        check("?", "", false);
        check("**a", "a", true);
        check("a*", "b", false);
        check("x/${aws:username}/*", "x/ann/1", true);
        check("x/${aws:username}/*", "x/bob/1", false);
        check("A", "a", false);
    }

    #[test]
    fn what_is_below_a_prefix() {
        let check = |pattern: &str, all: bool, some: bool| {
            let pattern = Pattern::parse(pattern).unwrap();
            let found = (
                pattern.matches_all_below("a/node/", "ann"),
                pattern.matches_some_below("a/node/", &['/'], "ann"),
            );
            assert_eq!(found, (all, some), "{pattern:?}");
        };
        check("*", true, true);
        check("a/*", true, true);
        check("a/node/*", true, true);
        check("a*/**", true, true);
        check("a/node/mi-*", false, true);
        check("a/node/mi-1", false, true);
        check("*1", false, true);
        check("*/x", false, true);
        check("*/x/y", false, false);
        check("a/node/?", false, true);
        check("a/node/?*", false, true);
        check("a/node/", false, true);
        check("a/node", false, false);
        check("a/other/*", false, false);
        check("b*", false, false);
    }

    #[test]
    fn other_variables_are_named() {
        assert_eq!(Pattern::parse("a${aws:userid}b"), Err("${aws:userid}".to_owned()));
        assert_eq!(Pattern::parse("${aws:username}${x"), Err("${x".to_owned()));
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let pattern = Pattern::parse(&format!("{}b", "*a".repeat(200))).unwrap();
        assert!(!pattern.matches(&"a".repeat(5_000), ""));
    }
}
