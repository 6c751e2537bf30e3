//! The order of Debian package versions: epoch, upstream part, revision.
//! Source: Debian Policy 5.6.12 and deb-version(7); held against dpkg in `tests/real_order.rs`.

use std::cmp::Ordering;

/// Total over any text: what dpkg would refuse is still ordered, the same way every time.
/// Equal does not mean identical: `1.0` equals `0:1.0-0`.
pub fn compare(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (left, right) = (Parts::split(left), Parts::split(right));
    compare_numbers(left.epoch, right.epoch)
        .then_with(|| compare_part(left.upstream, right.upstream))
        .then_with(|| compare_part(left.revision, right.revision))
}

pub fn is_newer(version: &str, than: &str) -> bool {
    compare(version, than) == Ordering::Greater
}

struct Parts<'a> {
    epoch: &'a [u8],
    upstream: &'a [u8],
    revision: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(version: &'a str) -> Self {
        let bytes = version.as_bytes();
        let (epoch, rest) = match bytes.iter().position(|&b| b == b':') {
            Some(at) if bytes[..at].iter().all(u8::is_ascii_digit) => (&bytes[..at], &bytes[at + 1..]),
            _ => (&bytes[..0], bytes),
        };
        let (upstream, revision) = match rest.iter().rposition(|&b| b == b'-') {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, &rest[..0]),
        };
        Self { epoch, upstream, revision }
    }
}

/// Alternates between stretches of non-digits and numbers until one side differs.
fn compare_part(mut left: &[u8], mut right: &[u8]) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (left_text, left_rest) = split_while(left, |b| !b.is_ascii_digit());
        let (right_text, right_rest) = split_while(right, |b| !b.is_ascii_digit());
        let order = compare_text(left_text, right_text);
        if order.is_ne() {
            return order;
        }
        let (left_number, left_after) = split_while(left_rest, |b| b.is_ascii_digit());
        let (right_number, right_after) = split_while(right_rest, |b| b.is_ascii_digit());
        let order = compare_numbers(left_number, right_number);
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_after, right_after);
    }
    Ordering::Equal
}

fn split_while(text: &[u8], wanted: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|&b| !wanted(b)).unwrap_or(text.len());
    text.split_at(end)
}

/// `~` sorts before the end of the text, the end before letters, letters before the rest.
fn compare_text(left: &[u8], right: &[u8]) -> Ordering {
    let weight = |text: &[u8], at: usize| match text.get(at) {
        Some(b'~') => -1,
        None => 0,
        Some(b) if b.is_ascii_alphabetic() => i32::from(*b),
        Some(b) => i32::from(*b) + 256,
    };
    (0..left.len().max(right.len()))
        .map(|at| weight(left, at).cmp(&weight(right, at)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Digits of any length; an empty stretch is zero.
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
    fn orders_debian_versions() {
        check("1.0", Equal, "1.0");
        check("1.0", Equal, "1.0-0"); // no revision is revision 0
        check("0:1.0", Equal, "1.0");
        check("1.0", Equal, "1.00");
        check("1.0~rc1", Less, "1.0"); // a tilde sorts before the end
        check("1.0~rc1", Greater, "1.0~~");
        check("1.0~", Less, "1.0");
        check("1:1.0", Greater, "9.0"); // the epoch outranks everything
        check("2:1.0", Greater, "1:9.9");
        check("10:1", Greater, "9:1");
        check("1.9", Less, "1.10"); // numbers, not text
        check("1.0a", Greater, "1.0");
        check("1.0a", Less, "1.0+"); // letters before other signs
        check("1.0-1", Less, "1.0-1+deb12u1");
        check("1.0-1+deb12u1", Less, "1.0-1+deb12u2");
        check("1.0-1+deb12u9", Less, "1.0-1+deb12u10");
        check("1.0-1ubuntu0.1", Less, "1.0-1ubuntu1");
        check("1.0-2", Greater, "1.0-1ubuntu9");
        check("1.0-1~bpo12+1", Less, "1.0-1");
        check("2.36-9+deb12u10", Greater, "2.36-9+deb12u4");
        check("1.0-rc1-1", Greater, "1.0-1"); // the last hyphen splits off the revision
        check("7.4.052-1", Equal, "7.4.52-1");
        check("99999999999999999999999", Less, "100000000000000000000000");
        check("", Equal, "0");
        check("a:1", Greater, "1"); // no number before the colon: no epoch
    }

    fn version() -> impl Strategy<Value = String> {
        "([0-9]{1,2}:)?[0-9a-c.+~]{0,6}(-[0-9a-c+.~]{0,4}){0,2}"
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
        }
    }
}
