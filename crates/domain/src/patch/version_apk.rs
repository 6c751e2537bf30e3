//! The order of Alpine package versions: numbers, a letter, suffixes, a commit, a revision.
//! Source: apk-package(5), "Package names and versions"; held against apk itself in the agent's `tests/apk`.

use std::cmp::Ordering;

/// Words after an underscore. Those of the first list lead up to a version, those of the second follow it.
const BEFORE: [&[u8]; 4] = [b"alpha", b"beta", b"pre", b"rc"];
const AFTER: [&[u8]; 5] = [b"cvs", b"svn", b"git", b"hg", b"p"];

/// Total over any text: from where it is no version any more, nothing counts. Equal does not mean identical:
/// `1.0-r0` equals `01.0-r00`.
pub fn compare(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    first_difference(left, right).map_or(Ordering::Equal, |(left, right)| left.compare(right))
}

pub fn is_newer(version: &str, than: &str) -> bool {
    compare(version, than) == Ordering::Greater
}

/// The order that `~` asks for: a version that begins with the whole of `prefix` is equal to it.
pub fn compare_to_prefix(version: &str, prefix: &str) -> Ordering {
    match first_difference(version, prefix) {
        None | Some((_, Part::End)) => Ordering::Equal,
        Some((left, right)) => left.compare(right),
    }
}

/// Whether apk takes it for a version at all.
pub fn is_valid(version: &str) -> bool {
    let mut parts = Parts::of(version);
    loop {
        match parts.next() {
            Part::End => return true,
            Part::Broken => return false,
            _ => {}
        }
    }
}

/// The first two parts that differ in kind or content.
fn first_difference<'v>(left: &'v str, right: &'v str) -> Option<(Part<'v>, Part<'v>)> {
    let (mut left, mut right) = (Parts::of(left), Parts::of(right));
    loop {
        let (l, r) = (left.next(), right.next());
        if l.compare(r).is_ne() {
            return Some((l, r));
        }
        if matches!(l, Part::End | Part::Broken) {
            return None;
        }
    }
}

/// What may come next in a version, lowest first: so a version that goes on is newer than one that ends, unless it goes
/// on with a word that leads up to it.
#[derive(Clone, Copy, Debug)]
enum Part<'v> {
    /// Its place among [`BEFORE`].
    Before(usize),
    /// No version from here on.
    Broken,
    End,
    Revision(&'v [u8]),
    Commit(&'v [u8]),
    /// The number of a suffix.
    Count(&'v [u8]),
    /// Its place among [`AFTER`].
    After(usize),
    Letter(u8),
    Number(&'v [u8]),
    FirstNumber(&'v [u8]),
}

impl Part<'_> {
    fn rank(self) -> u8 {
        match self {
            Self::Before(_) => 0,
            Self::Broken => 1,
            Self::End => 2,
            Self::Revision(_) => 3,
            Self::Commit(_) => 4,
            Self::Count(_) => 5,
            Self::After(_) => 6,
            Self::Letter(_) => 7,
            Self::Number(_) => 8,
            Self::FirstNumber(_) => 9,
        }
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Before(left), Self::Before(right)) | (Self::After(left), Self::After(right)) => {
                left.cmp(&right)
            }
            // Like the digits behind a decimal point, once one of them begins with a zero.
            (Self::Number(left), Self::Number(right))
                if left.first() == Some(&b'0') || right.first() == Some(&b'0') =>
            {
                left.cmp(right)
            }
            (Self::Number(left), Self::Number(right))
            | (Self::FirstNumber(left), Self::FirstNumber(right))
            | (Self::Count(left), Self::Count(right))
            | (Self::Revision(left), Self::Revision(right)) => compare_numbers(left, right),
            (Self::Commit(left), Self::Commit(right)) => left.cmp(right),
            (Self::Letter(left), Self::Letter(right)) => left.cmp(&right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// How far a version has come; what is behind cannot come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Start,
    Number,
    Letter,
    Suffix,
    Count,
    Commit,
    Revision,
    Broken,
}

struct Parts<'v> {
    rest: &'v [u8],
    stage: Stage,
}

impl<'v> Parts<'v> {
    fn of(version: &'v str) -> Self {
        Self { rest: version.as_bytes(), stage: Stage::Start }
    }

    fn next(&mut self) -> Part<'v> {
        let part = self.read();
        if matches!(part, None | Some(Part::Broken)) {
            self.stage = Stage::Broken;
        }
        part.unwrap_or(Part::Broken)
    }

    /// `None` where the version breaks off.
    fn read(&mut self) -> Option<Part<'v>> {
        if self.stage == Stage::Start {
            return self.enter(Stage::Number, 0, u8::is_ascii_digit).map(Part::FirstNumber);
        }
        let Some(sign) = self.rest.first().filter(|_| self.stage < Stage::Broken) else {
            return (self.stage < Stage::Broken).then_some(Part::End);
        };
        match sign {
            b'.' if self.stage <= Stage::Number => {
                self.enter(Stage::Number, 1, u8::is_ascii_digit).map(Part::Number)
            }
            b'0'..=b'9' if self.stage == Stage::Suffix => {
                self.enter(Stage::Count, 0, u8::is_ascii_digit).map(Part::Count)
            }
            b'a'..=b'z' if self.stage <= Stage::Number => {
                (self.rest, self.stage) = (&self.rest[1..], Stage::Letter);
                Some(Part::Letter(*sign))
            }
            b'_' if self.stage <= Stage::Count => {
                let word = self.enter(Stage::Suffix, 1, u8::is_ascii_lowercase)?;
                let place = |words: &[&[u8]]| words.iter().position(|known| *known == word);
                place(&BEFORE).map(Part::Before).or_else(|| place(&AFTER).map(Part::After))
            }
            b'~' if self.stage < Stage::Commit => self
                .enter(Stage::Commit, 1, |sign| matches!(sign, b'0'..=b'9' | b'a'..=b'f'))
                .map(Part::Commit),
            b'-' if self.stage < Stage::Revision && self.rest.starts_with(b"-r") => {
                self.enter(Stage::Revision, 2, u8::is_ascii_digit).map(Part::Revision)
            }
            _ => None,
        }
    }

    /// Takes what stands behind so many signs, of which there must be something.
    fn enter(&mut self, stage: Stage, signs: usize, wanted: impl Fn(&u8) -> bool) -> Option<&'v [u8]> {
        let text = &self.rest[signs..];
        let (taken, rest) = text.split_at(text.iter().position(|sign| !wanted(sign)).unwrap_or(text.len()));
        (self.rest, self.stage) = (rest, stage);
        Some(taken).filter(|taken| !taken.is_empty())
    }
}

/// Digits of any length.
fn compare_numbers(left: &[u8], right: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| digits.iter().position(|&sign| sign != b'0').unwrap_or(digits.len());
    let (left, right) = (&left[significant(left)..], &right[significant(right)..]);
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Ordering::{Equal, Greater, Less};

    fn check(left: &str, expected: Ordering, right: &str) {
        assert_eq!(compare(left, right), expected, "{left} {right}");
        assert_eq!(compare(right, left), expected.reverse(), "{right} {left}");
    }

    #[test]
    fn orders_alpine_versions() {
        check("1.0", Equal, "1.0");
        check("1.9-r0", Less, "1.10-r0"); // numbers, not text
        check("1.0", Less, "1.0.0"); // one number more is newer, even zero
        check("2", Greater, "1.9.9.9");
        check("1.0-r9", Less, "1.0-r10");
        check("1.0", Less, "1.0-r0"); // a revision is more than none
        check("1.0a", Greater, "1.0"); // a letter follows the release
        check("1.0a", Less, "1.0b");
        check("1.0a", Less, "1.0.1"); // and stands below the next number
        check("1.0_rc1", Less, "1.0"); // these lead up to it
        check("1.0_alpha", Less, "1.0_beta");
        check("1.0_beta9", Less, "1.0_pre1");
        check("1.0_pre", Less, "1.0_rc");
        check("1.0_rc", Less, "1.0_rc1");
        check("1.0_rc9", Less, "1.0_rc10");
        check("1.0_p1", Greater, "1.0"); // these follow it
        check("1.0_cvs", Less, "1.0_svn");
        check("1.0_svn", Less, "1.0_git");
        check("1.0_git20240101", Less, "1.0_hg");
        check("1.0_hg", Less, "1.0_p");
        check("1.0_p9-r5", Less, "1.0_p10-r0");
        check("1.0_p1", Less, "1.0a"); // a letter stands above every word
        check("1.0_rc1_p1", Greater, "1.0_rc1");
        check("1.0_p1_alpha", Less, "1.0_p1");
        check("6.5_p20250503-r0", Less, "6.5_p20250510-r0");
        check("8.2.0015", Less, "8.2.002"); // behind the first number a leading zero makes a fraction of it
        check("1.09", Less, "1.1");
        check("1.05", Greater, "1.0");
        check("1.010", Greater, "1.01");
        check("007.1", Equal, "7.1"); // the first number is a number
        check("1.0-r01", Equal, "1.0-r1");
        check("1.0~abc-r1", Greater, "1.0-r1"); // a commit is more than none
        check("1.0~abc", Less, "1.0~abd");
        check("1.0~1", Less, "1.0~a");
        check("1.0_git1~abc", Greater, "1.0_git1");
        check("99999999999999999999999", Less, "100000000000000000000000");
    }

    #[test]
    fn what_is_no_version_is_ordered_as_well() {
        check("", Less, "0");
        check("", Equal, "foo");
        check("1.0foo", Equal, "1.0fob"); // the second letter breaks it
        check("1.0-0.1", Less, "1.0"); // Debian's revisions
        check("1.0_foo", Less, "1.0");
        check("1.0_alpha", Less, "1.0_foo");
        check("1.0a1", Equal, "1.0a2");
        check("1.", Less, "1");
    }

    #[test]
    fn knows_versions_from_other_text() {
        for version in ["1", "0.1", "1.2.3b", "1.0_rc1_p2", "1.0~0af", "1.2c_git1~abc-r3", "20240101-r0"] {
            assert!(is_valid(version), "{version}");
        }
        for text in [
            "", "a", "1.", "1.a", "1ab", "1a1", "1.0-1", "1.0-r", "1_foo", "1_", "1~", "1~xyz", "1-r1.2",
            "1 ",
        ] {
            assert!(!is_valid(text), "{text}");
        }
    }

    #[test]
    fn a_prefix_stands_for_all_that_begin_with_it() {
        let check = |version: &str, prefix: &str, expected: Ordering| {
            assert_eq!(compare_to_prefix(version, prefix), expected, "{version} ~ {prefix}");
        };
        check("1.6.1-r3", "1.6", Equal);
        check("1.6", "1.6", Equal);
        check("1.60", "1.6", Greater);
        check("1.6_rc1", "1.6", Equal); // what leads up to it begins with it too
        check("1.7", "1.6", Greater);
        check("1.5.9", "1.6", Less);
        check("1", "1.6", Less);
    }

    fn version() -> impl Strategy<Value = String> {
        "[0-9]{1,2}(\\.[0-9]{1,3}){0,2}[a-c]?(_(alpha|beta|pre|rc|cvs|svn|git|hg|p|no)[0-9]{0,2}){0,2}(~[0-9a-f]{1,2})?(-r[0-9]{0,2})?"
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn is_a_total_order(a in version(), b in version(), c in version()) {
            prop_assert_eq!(compare(&a, &a), Equal);
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le(), "{} <= {} <= {}", a, b, c);
            }
        }

        #[test]
        fn takes_any_text(a in any::<String>(), b in any::<String>()) {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(is_valid(&a), is_valid(&a));
        }

        #[test]
        fn a_prefix_of_a_version_is_one_of_it(version in version(), extra in "\\.[1-9]|-r[0-9]|_p[0-9]") {
            let longer = format!("{version}{extra}");
            if is_valid(&longer) {
                prop_assert_eq!(compare_to_prefix(&longer, &version), Equal);
            }
        }
    }
}
