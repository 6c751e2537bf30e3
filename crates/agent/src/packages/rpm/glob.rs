//! Shell patterns as rpm tools match names with: `*`, `?` and `[...]`, a backslash protecting the next character.

/// A pattern over a whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    pattern: Vec<char>,
    is_literal: bool,
}

impl Glob {
    pub fn new(pattern: &str) -> Self {
        let is_literal = !pattern.contains(['*', '?', '[', '\\']);
        Self { pattern: pattern.chars().collect(), is_literal }
    }

    pub fn matches(&self, text: &str) -> bool {
        if self.is_literal {
            return self.pattern.iter().copied().eq(text.chars());
        }
        let text: Vec<char> = text.chars().collect();
        // Where to go on when the rest does not fit: after the last star, one character later each time.
        let (mut at, mut place, mut retry) = (0, 0, None);
        while place < text.len() {
            match self.step(at, text[place]) {
                Step::Star => {
                    retry = Some((at + 1, place));
                    at += 1;
                }
                Step::Fits { next } => {
                    at = next;
                    place += 1;
                }
                Step::Fails => match retry {
                    Some((after, from)) => {
                        (at, place) = (after, from + 1);
                        retry = Some((after, from + 1));
                    }
                    None => return false,
                },
            }
        }
        self.pattern[at..].iter().all(|&c| c == '*')
    }

    fn step(&self, at: usize, c: char) -> Step {
        let fits = |is: bool, next| if is { Step::Fits { next } } else { Step::Fails };
        match self.pattern.get(at) {
            None => Step::Fails,
            Some('*') => Step::Star,
            Some('?') => Step::Fits { next: at + 1 },
            Some('\\') => match self.pattern.get(at + 1) {
                Some(&escaped) => fits(escaped == c, at + 2),
                None => fits(c == '\\', at + 1),
            },
            Some('[') => match self.set(at, c) {
                Some((is_in, next)) => fits(is_in, next),
                None => fits(c == '[', at + 1),
            },
            Some(&literal) => fits(literal == c, at + 1),
        }
    }

    /// Whether the set that begins here has the character, and where the pattern goes on; `None` for a set without an end.
    fn set(&self, at: usize, c: char) -> Option<(bool, usize)> {
        let mut next = at + 1;
        let negated = matches!(self.pattern.get(next), Some('!' | '^'));
        next += usize::from(negated);
        let (first, mut found) = (next, false);
        loop {
            let low = *self.pattern.get(next)?;
            if low == ']' && next > first {
                return Some((found != negated, next + 1));
            }
            match (self.pattern.get(next + 1), self.pattern.get(next + 2)) {
                (Some('-'), Some(&high)) if high != ']' => {
                    found |= (low..=high).contains(&c);
                    next += 3;
                }
                _ => {
                    found |= low == c;
                    next += 1;
                }
            }
        }
    }
}

enum Step {
    Star,
    Fits { next: usize },
    Fails,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_like_a_shell() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        };
        check("kernel*", "kernel", true);
        check("kernel*", "kernel-core", true);
        check("*-devel", "a-devel-b-devel", true);
        check("*-devel", "a-devel-b", false);
        check("b?sh", "bash", true);
        check("b?sh", "bsh", false);
        check("lib[a-c]x", "libbx", true);
        check("lib[!a-c]x", "libbx", false);
        check("lib[]a]x", "lib]x", true);
        check("a[", "a[", true);
        check("a\\*", "a*", true);
        check("a\\*", "ab", false);
        check("**", "", true);
        check("", "", true);
        check("plain", "plainer", false);
    }
}
