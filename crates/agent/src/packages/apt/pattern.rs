//! The patterns of apt_preferences(5): shell globs, and regular expressions between slashes; both ignore case.

use regex::{Regex, RegexBuilder};

#[derive(Clone, Debug)]
pub enum Pattern {
    Glob(Vec<u8>),
    /// `None` for an expression that does not compile: it matches nothing, as in apt.
    Expression(Option<Regex>),
}

impl Pattern {
    pub fn new(text: &str) -> Self {
        match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(expression) => {
                Self::Expression(RegexBuilder::new(expression).case_insensitive(true).build().ok())
            }
            None => Self::Glob(text.as_bytes().to_vec()),
        }
    }

    /// Whether `text` as a package name stands for many.
    pub fn is_needed_for(text: &str) -> bool {
        (text.starts_with('/') && text.ends_with('/')) || text.contains(['*', '[', '?'])
    }

    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Glob(glob) => glob_matches(glob, text.as_bytes()),
            Self::Expression(expression) => {
                expression.as_ref().is_some_and(|expression| expression.is_match(text))
            }
        }
    }
}

/// fnmatch(3) without flags but for the case. Backtracks to the last star only, so its cost is bounded.
fn glob_matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        if at < glob.len() && glob[at] == b'*' {
            star = Some((at, from));
            at += 1;
            continue;
        }
        let step = match text.get(from) {
            None if at == glob.len() => return true,
            None => return glob[at..].iter().all(|&byte| byte == b'*'),
            Some(&byte) => step(&glob[at..], byte),
        };
        match (step, star) {
            (Some(length), _) => (at, from) = (at + length, from + 1),
            (None, Some((star_at, star_from))) => {
                star = Some((star_at, star_from + 1));
                (at, from) = (star_at + 1, star_from + 1);
            }
            (None, None) => return false,
        }
    }
}

/// How much of the glob one byte uses up, if it fits.
fn step(glob: &[u8], byte: u8) -> Option<usize> {
    let same = |wanted: u8| wanted.eq_ignore_ascii_case(&byte);
    match *glob.first()? {
        b'?' => Some(1),
        b'[' => match bracket(glob, byte) {
            Some((length, fits)) => fits.then_some(length),
            None => same(b'[').then_some(1),
        },
        b'\\' if glob.len() > 1 => same(glob[1]).then_some(2),
        literal => same(literal).then_some(1),
    }
}

/// The length of a bracket expression and whether the byte is in it; `None` when the bracket is never closed.
fn bracket(glob: &[u8], byte: u8) -> Option<(usize, bool)> {
    let negated = matches!(glob.get(1), Some(b'!' | b'^'));
    let first = 1 + usize::from(negated);
    let mut at = first;
    let mut found = false;
    let byte = byte.to_ascii_lowercase();
    loop {
        let low = *glob.get(at)?;
        if low == b']' && at > first {
            return Some((at + 1, found != negated));
        }
        if glob[at..].starts_with(b"[:") {
            let end = glob[at + 2..].windows(2).position(|pair| pair == b":]")?;
            found |= in_class(&glob[at + 2..at + 2 + end], byte);
            at += end + 4;
            continue;
        }
        let high = match (glob.get(at + 1), glob.get(at + 2)) {
            (Some(b'-'), Some(&high)) if high != b']' => high,
            _ => low,
        };
        at += if high == low { 1 } else { 3 };
        found |= (low.to_ascii_lowercase()..=high.to_ascii_lowercase()).contains(&byte);
    }
}

fn in_class(class: &[u8], byte: u8) -> bool {
    match class {
        b"alpha" | b"lower" | b"upper" => byte.is_ascii_alphabetic(),
        b"digit" => byte.is_ascii_digit(),
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"punct" => byte.is_ascii_punctuation(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        b"space" => byte.is_ascii_whitespace(),
        b"graph" | b"print" => byte.is_ascii_graphic(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_like_fnmatch() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(Pattern::new(pattern).matches(text), expected, "{pattern} on {text}");
        };
        check("*", "", true);
        check("lib*-dev", "libssl-dev", true);
        check("LIB*", "libssl", true);
        check("lib*-dev", "libssl", false);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("[a-c]x", "bx", true);
        check("[!a-c]x", "bx", false);
        check("[]a]x", "]x", true);
        check("[[:digit:]]*", "3.1", true);
        check("a[", "a[", true);
        check("a\\*", "a*", true);
        check("a\\*", "ab", false);
        check("*a*b*c*", "xaxbxc", true);
        check("1.0*", "1.0-1", true);
        check("/^lib(a|b)$/", "LIBA", true);
        check("/(/", "x", false);
        check("//", "x", true);
    }
}
