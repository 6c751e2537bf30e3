//! The order of rpm package versions: epoch, version, release, each by the segments of rpmvercmp.
//! Source: rpm-version(7); held against rpm itself in `tests/real_order.rs`.

use std::cmp::Ordering;
use std::fmt;

/// Total over any text. Equal does not mean identical: `1.0-1` equals `0:1_0-1`.
pub fn compare(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    Evr::parse(left).compare(Evr::parse(right))
}

pub fn is_newer(version: &str, than: &str) -> bool {
    compare(version, than) == Ordering::Greater
}

/// `epoch:version-release`, taken apart. Any text can be: what is missing is empty, a missing epoch is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Evr<'a> {
    /// Digits, possibly none; a number of any length.
    pub epoch: &'a str,
    pub version: &'a str,
    pub release: &'a str,
}

impl<'a> Evr<'a> {
    /// The epoch ends at the first colon if only digits stand before it, the release begins after the last hyphen.
    pub fn parse(text: &'a str) -> Self {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|b| b.is_ascii_digit()) => (epoch, rest),
            _ => ("", text),
        };
        let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
        Self { epoch, version, release }
    }

    pub fn compare(self, other: Evr<'_>) -> Ordering {
        compare_numbers(self.epoch.as_bytes(), other.epoch.as_bytes())
            .then_with(|| compare_segments(self.version, other.version))
            .then_with(|| compare_segments(self.release, other.release))
    }

    /// Without leading zeros; `0` when there is none.
    pub fn epoch_or_zero(self) -> &'a str {
        match self.epoch.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        }
    }
}

/// The form of facts: the epoch only when it is not 0, no hyphen without a release.
impl fmt::Display for Evr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.epoch_or_zero() != "0" {
            write!(f, "{}:", self.epoch_or_zero())?;
        }
        f.write_str(self.version)?;
        match self.release {
            "" => Ok(()),
            release => write!(f, "-{release}"),
        }
    }
}

/// `name-[epoch:]version-release.arch`, as advisories and people write packages. `None` when parts are missing.
pub fn split_nevra(text: &str) -> Option<(&str, Evr<'_>, &str)> {
    let (rest, arch) = text.rsplit_once('.')?;
    let (rest, release) = rest.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    let evr = Evr { release, ..Evr::parse(version) };
    let is_whole = ![name, evr.version, release, arch].contains(&"");
    is_whole.then_some((name, evr, arch))
}

/// rpmvercmp: what a segment is decides before what is in it, as listed below.
pub fn compare_segments(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    loop {
        let (l, r) = (next_segment(&mut left), next_segment(&mut right));
        let order = l.rank().cmp(&r.rank()).then_with(|| match (l, r) {
            (Segment::Number(l), Segment::Number(r)) => compare_numbers(l, r),
            (Segment::Letters(l), Segment::Letters(r)) => l.cmp(r),
            _ => Ordering::Equal,
        });
        if order.is_ne() || matches!(l, Segment::End) {
            return order;
        }
    }
}

/// What a version is made of, lowest first; all other characters only separate.
#[derive(Clone, Copy)]
enum Segment<'a> {
    /// `~`: before the release that it leads up to.
    Tilde,
    End,
    /// `^`: after the release, before the next one.
    Caret,
    Letters(&'a [u8]),
    Number(&'a [u8]),
}

impl Segment<'_> {
    fn rank(self) -> u8 {
        match self {
            Self::Tilde => 0,
            Self::End => 1,
            Self::Caret => 2,
            Self::Letters(_) => 3,
            Self::Number(_) => 4,
        }
    }
}

fn next_segment<'a>(rest: &mut &'a [u8]) -> Segment<'a> {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'~' | b'^');
    let start = rest.iter().position(is_part).unwrap_or(rest.len());
    *rest = &rest[start..];
    match rest.first() {
        None => Segment::End,
        Some(b'~') => take(rest, 1, |_| Segment::Tilde),
        Some(b'^') => take(rest, 1, |_| Segment::Caret),
        Some(first) if first.is_ascii_digit() => {
            let length = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
            take(rest, length, Segment::Number)
        }
        Some(_) => {
            let length = rest.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(rest.len());
            take(rest, length, Segment::Letters)
        }
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize, make: impl Fn(&'a [u8]) -> Segment<'a>) -> Segment<'a> {
    let (taken, after) = rest.split_at(length);
    *rest = after;
    make(taken)
}

/// Digits of any length; none are zero.
fn compare_numbers(left: &[u8], right: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| digits.iter().position(|&b| b != b'0').unwrap_or(digits.len());
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
    fn orders_rpm_versions() {
        check("1.0", Equal, "1.0");
        check("1.0", Less, "2.0");
        check("2.0.1", Greater, "2.0"); // more segments are newer
        check("2.0.1a", Greater, "2.0.1");
        check("5.5p1", Less, "5.5p10"); // numbers, not text
        check("10xyz", Less, "10.1xyz"); // a number beats letters
        check("xyz10", Less, "xyz10.1");
        check("8.0", Less, "8.0.rc1"); // a prefix is older: no word means less than none
        check("10.0001", Equal, "10.1"); // leading zeros do not count
        check("10.0001", Less, "10.0039");
        check("4.999.9", Less, "5.0");
        check("20101121", Less, "20101122");
        check("2_0", Equal, "2.0"); // separators only separate
        check("a+", Equal, "a_");
        check("1.", Equal, "1");
        check("fc4", Less, "fc10");
        check("2a", Less, "2.0");
        check("1.0~rc1", Less, "1.0"); // a tilde sorts before the end
        check("1.0~rc1", Less, "1.0~rc2");
        check("1.0~rc1~git123", Less, "1.0~rc1");
        check("1.0^", Greater, "1.0"); // a caret after it
        check("1.0^git1", Less, "1.0.1"); // and before anything else
        check("1.0^git1", Less, "1.0^git2");
        check("1.0^20160101~git1", Less, "1.0^20160101");
        check("1.0~rc1^git1", Greater, "1.0~rc1");
        check("1.0~rc1^git1", Less, "1.0");
        check("1.0^git1~pre", Less, "1.0^git1");
        check("99999999999999999999999", Less, "100000000000000000000000");
        check("1é1", Equal, "1.1"); // beyond ASCII nothing counts
    }

    #[test]
    fn orders_epoch_version_release() {
        check("0:1.0-1", Equal, "1.0-1");
        check("00:1.0-1", Equal, "1.0-1");
        check("1:1.0-1", Greater, "9.0-9"); // the epoch outranks everything
        check("10:1-1", Greater, "9:1-1");
        check("1.0-2", Greater, "1.0-1");
        check("1.0-10.el8", Greater, "1.0-9.el8");
        check("1.0-1.el8_6", Less, "1.0-1.el8_10");
        check("1.0-1.el8", Less, "1.0-1.el8_4");
        check("1.0.1-1", Greater, "1.0-9"); // the version outranks the release
        check("1.0", Less, "1.0-1"); // no release sorts first
        check("a:1-1", Less, "1-1"); // no number before the colon: no epoch
        check("1-2-3", Less, "1-3-1"); // the last hyphen splits off the release
        check("", Less, "0");
        check("32:9.11.4-26.P2.amzn2.13", Less, "32:9.11.4-26.P2.amzn2.13.5");
    }

    #[test]
    fn takes_apart_and_writes_as_facts_do() {
        // text, epoch, version, release, written
        let rows = [
            ("2:1.0-3.el9", "2", "1.0", "3.el9", "2:1.0-3.el9"),
            ("0:1.0-3", "0", "1.0", "3", "1.0-3"),
            ("007:1.0-3", "7", "1.0", "3", "7:1.0-3"),
            (":1.0-3", "0", "1.0", "3", "1.0-3"),
            ("1.0", "0", "1.0", "", "1.0"),
            ("x:1-1", "0", "x:1", "1", "x:1-1"),
        ];
        for (text, epoch, version, release, written) in rows {
            let evr = Evr::parse(text);
            assert_eq!((evr.epoch_or_zero(), evr.version, evr.release), (epoch, version, release), "{text}");
            assert_eq!(evr.to_string(), written);
        }
    }

    #[test]
    fn names_of_whole_packages_are_split() {
        let (name, evr, arch) = split_nevra("bind-libs-32:9.8.2-0.62.rc1.57.amzn1.x86_64").unwrap();
        assert_eq!(
            (name, evr.to_string().as_str(), arch),
            ("bind-libs", "32:9.8.2-0.62.rc1.57.amzn1", "x86_64")
        );
        let (name, evr, arch) = split_nevra("example-pkg-0.710.10-2.7.abcd.x86_64").unwrap();
        assert_eq!((name, evr.to_string().as_str(), arch), ("example-pkg", "0.710.10-2.7.abcd", "x86_64"));
        for text in ["", "bash", "bash-5.1", "bash.x86_64", "bash-5-1", "-5-1.x", "bash--1.x86_64", "a-1-.b"]
        {
            assert_eq!(split_nevra(text), None, "{text}");
        }
    }

    fn version() -> impl Strategy<Value = String> {
        "([0-9]{1,2}:)?[0-9a-c.~^_]{0,6}(-[0-9a-c^.~]{0,4}){0,2}"
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

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
            let _ = (split_nevra(&a), Evr::parse(&b).to_string());
        }

        #[test]
        fn writing_changes_nothing(a in "([0-9]{1,2}:)?[0-9a-c.~^_]{1,6}(-[0-9a-c^.~]{1,4})?") {
            prop_assert_eq!(compare(&a, &Evr::parse(&a).to_string()), Equal);
        }
    }
}
