//! The order of pacman's package versions: epoch, version, release. Its segments resemble rpm's, but how much stands
//! between two of them counts here, a tilde and a caret are mere separators, and a missing release equals any.
//! Source: vercmp(8); held against vercmp itself in `tests/real_order.rs`.

use std::cmp::Ordering;

/// Total over versions that have a release, as all of packages do, and no part of which ends with a separator. Over others
/// it has circles, as pacman's own has: `1..a-1` is older than `1.-1`, that than `1.1-1`, and that than `1..a-1`. Nothing
/// may be sorted by it that is not known to be in order.
pub fn compare(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    let (left, right) = (Evr::parse(left), Evr::parse(right));
    compare_parts(left.epoch, right.epoch).then_with(|| compare_parts(left.version, right.version)).then_with(
        || match (left.release, right.release) {
            (Some(left), Some(right)) => compare_parts(left, right),
            _ => Ordering::Equal,
        },
    )
}

pub fn is_newer(version: &str, than: &str) -> bool {
    compare(version, than) == Ordering::Greater
}

/// `epoch:version-release`, taken apart; the epoch is 0 where none stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Evr<'a> {
    epoch: &'a str,
    version: &'a str,
    release: Option<&'a str>,
}

impl<'a> Evr<'a> {
    fn parse(text: &'a str) -> Self {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (epoch, rest) = match text[digits..].strip_prefix(':') {
            Some(rest) if digits > 0 => (&text[..digits], rest),
            Some(rest) => ("0", rest),
            None => ("0", text),
        };
        match rest.rsplit_once('-') {
            Some((version, release)) => Self { epoch, version, release: Some(release) },
            None => Self { epoch, version: rest, release: None },
        }
    }
}

fn compare_parts(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    loop {
        // Separators are skipped only where something follows on both sides.
        if left.is_empty() || right.is_empty() {
            return compare_ends(left, right);
        }
        let (gap_left, gap_right) = (separators(left), separators(right));
        let (next_left, next_right) = (&left[gap_left..], &right[gap_right..]);
        if next_left.is_empty() || next_right.is_empty() {
            return compare_ends(next_left, next_right);
        }
        let is_number = next_left[0].is_ascii_digit();
        let (segment_left, rest_left) = segment(next_left, is_number);
        let (segment_right, rest_right) = segment(next_right, is_number);
        let order = gap_left.cmp(&gap_right).then_with(|| match (is_number, segment_right.is_empty()) {
            (true, true) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (true, false) => compare_numbers(segment_left, segment_right),
            (false, false) => segment_left.cmp(segment_right),
        });
        if order.is_ne() {
            return order;
        }
        (left, right) = (rest_left, rest_right);
    }
}

/// One of them has no more segments: letters left over are older than nothing, all else is newer.
fn compare_ends(left: &[u8], right: &[u8]) -> Ordering {
    let begins_with_letter = |text: &[u8]| text.first().is_some_and(u8::is_ascii_alphabetic);
    match (left.is_empty(), right.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) if begins_with_letter(right) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, _) if begins_with_letter(left) => Ordering::Less,
        (false, _) => Ordering::Greater,
    }
}

fn separators(text: &[u8]) -> usize {
    text.iter().position(u8::is_ascii_alphanumeric).unwrap_or(text.len())
}

/// The run of digits, or of letters, at the beginning; empty where it begins with the other kind.
fn segment(text: &[u8], is_number: bool) -> (&[u8], &[u8]) {
    let belongs = |b: &u8| if is_number { b.is_ascii_digit() } else { b.is_ascii_alphabetic() };
    text.split_at(text.iter().position(|b| !belongs(b)).unwrap_or(text.len()))
}

/// Digits of any length.
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
    fn orders_pacman_versions() {
        check("1.5.0", Equal, "1.5.0");
        check("1.5.1", Greater, "1.5.0");
        check("1.5.0-1", Less, "1.5.0-2");
        check("1.5.0-1", Equal, "1.5.0"); // a missing release equals any
        check("1.5-1", Less, "1.5.1-1");
        check("1.5b-1", Less, "1.5-1"); // letters lead up to a release
        check("1.0a", Less, "1.0alpha");
        check("1.0alpha", Less, "1.0b");
        check("1.0rc", Less, "1.0");
        check("1.5.a", Greater, "1.5"); // a separator before them makes them newer
        check("1.0.", Greater, "1.0.a");
        check("1.0.1", Greater, "1.0.");
        check("0:1.0-1", Equal, "1.0-1");
        check("1:1.0-1", Greater, "2.0-9"); // the epoch outranks everything
        check(":1.0", Equal, "1.0");
        check("6.6.10.arch1-1", Greater, "6.6.9.arch1-1");
        check("6.6.9.arch1-1", Less, "6.6.9.arch2-1");
        check("1..0", Greater, "1.0"); // more separators are newer
        check("1_0", Equal, "1.0");
        check("1.0~1", Equal, "1.0.1"); // nothing special about a tilde
        check("1..a-1", Less, "1.-1"); // a circle
        check("1.-1", Less, "1.1-1");
        check("1.1-1", Less, "1..a-1");
        check("1.001", Equal, "1.1");
        check("20240101", Less, "20240102");
        check("r1234.abcdef0-1", Less, "r1235.0000000-1");
        check("99999999999999999999999", Less, "100000000000000000000000");
    }

    fn version() -> impl Strategy<Value = String> {
        "([0-2]:)?[0-2a-b]{1,2}([._][0-2a-b]{1,2}){0,2}-[1-3]"
    }

    proptest! {
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
            let _ = (compare(&a, &b), is_newer(&b, &a));
        }
    }
}
