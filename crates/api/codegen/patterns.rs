//! Turns the model's patterns, written for Java, into patterns of the `regex` crate that match the same texts.
//! Whether they compile is tested in `src/decode/pattern.rs`.

/// Patterns with look-around, back references or huge repetitions, and what says the same without.
/// The length bound that replaces a huge repetition is checked by the shape's own `max`.
const BY_HAND: [(&str, &str); 4] = [
    (r"(?i)all|[0-9]{12}", r"[aA][lL][lL]|[0-9]{12}"),
    (r"^(?!\s*$).+", r".*\S.*"),
    (r"^.{1,100000}$", r".+"),
    (r"^.{1,128}$", r".+"),
];

const LINE_ENDS: &str = r"\n\r\x{85}\x{2028}\x{2029}";

/// `None` when the pattern has no equivalent yet.
pub fn to_rust(java: &str) -> Option<String> {
    let by_hand = BY_HAND.iter().find(|(from, _)| *from == java);
    let source = by_hand.map_or(java, |(_, to)| to);
    let look_around = ["(?=", "(?!", "(?<"].iter().any(|mark| source.contains(mark));
    let back_reference = (1..=9).any(|n| source.contains(&format!("\\{n}")));
    (!look_around && !back_reference).then(|| format!("^(?:{})$", translate(source)))
}

/// Java's `\w`, `\d`, `\s` know ASCII only, its `.` stops at more line ends, and `[` within a class is plain here.
fn translate(java: &str) -> String {
    let mut out = String::new();
    let mut in_class = false;
    let mut letters = java.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => {
                let escaped = letters.next().expect("no pattern ends in a backslash");
                // `\p{L}` passes through; everything else that is a letter must be known.
                out.push_str(match escaped {
                    'w' => "[0-9A-Za-z_]",
                    'd' => "[0-9]",
                    's' => r"[ \t\n\x0B\f\r]",
                    'S' => r"[^ \t\n\x0B\f\r]",
                    'p' => r"\p",
                    'b' => r"(?-u:\b)",
                    other => {
                        assert!(!other.is_ascii_alphanumeric(), "teach the generator \\{other} in {java}");
                        out.push('\\');
                        out.push(other);
                        continue;
                    }
                });
            }
            '[' if in_class => out.push_str(r"\["),
            '[' => {
                in_class = true;
                out.push('[');
            }
            ']' => {
                in_class = false;
                out.push(']');
            }
            '.' if !in_class => out.push_str(&format!("[^{LINE_ENDS}]")),
            // Doubled, these are set operations in the `regex` crate.
            '&' | '~' if in_class => out.push_str(&format!("\\{letter}")),
            '-' if in_class && letters.peek() == Some(&'-') => panic!("teach the generator `--` in {java}"),
            other => out.push(other),
        }
    }
    out
}
