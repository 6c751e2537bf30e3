//! Output as replies carry it: each stream cut at its limit, both combined in fewer characters.
//! Reading the streams belongs to `process`.

use api::agent::reply::{ERROR_SEPARATOR, MAX_OUTPUT_CHARS, MAX_STREAM_CHARS, TRUNCATED};

const OUTPUT_CUT: &str = "\n---Output truncated---";
const ERROR_CUT: &str = "\n---Error truncated----";

/// A stream's bytes as text of at most [`MAX_STREAM_CHARS`]; what is not UTF-8 is replaced.
pub fn stream_text(bytes: &[u8]) -> String {
    cut_stream(&String::from_utf8_lossy(bytes))
}

/// The same for text that was put together from several streams.
pub fn cut_stream(text: &str) -> String {
    cut(text, MAX_STREAM_CHARS, TRUNCATED)
}

/// Standard output, then, if there is any, standard error below a separator; at most [`MAX_OUTPUT_CHARS`].
/// Error output is what a reader looks for, so it keeps at least half of the room.
pub fn combined(stdout: &str, stderr: &str) -> String {
    if stderr.is_empty() {
        return cut(stdout, MAX_OUTPUT_CHARS, OUTPUT_CUT);
    }
    let separator = format!("\n{ERROR_SEPARATOR}\n");
    let room = MAX_OUTPUT_CHARS - separator.chars().count();
    let error_room = room - stdout.chars().count().min(room / 2);
    let error = cut(stderr, error_room, ERROR_CUT);
    let output = cut(stdout, room - error.chars().count(), OUTPUT_CUT);
    format!("{output}{separator}{error}")
}

/// At most `limit` characters, the mark included when something was cut.
fn cut(text: &str, limit: usize, mark: &str) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept = limit.saturating_sub(mark.chars().count());
    text.chars().take(kept).chain(mark.chars()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_output_is_kept_whole() {
        assert_eq!(combined("hello\n", ""), "hello\n");
        assert_eq!(combined("hello\n", "warn\n"), "hello\n\n----------ERROR-------\nwarn\n");
        assert_eq!(combined("", "warn\n"), "\n----------ERROR-------\nwarn\n");
    }

    #[test]
    fn long_output_says_where_it_was_cut() {
        let long = "é".repeat(30_000);
        assert!(stream_text(long.as_bytes()).ends_with("é--output truncated--"));
        assert!(combined(&long, "").ends_with("é\n---Output truncated---"));
        let both = combined(&long, &long);
        assert!(
            both.contains("---Output truncated---\n----------ERROR-------\n")
                && both.ends_with("---Error truncated----")
        );
        assert_eq!(both.chars().count(), MAX_OUTPUT_CHARS);
        // A short error text survives any amount of output.
        assert!(combined(&long, "cause").ends_with("----------ERROR-------\ncause"));
    }

    proptest! {
        #[test]
        fn limits_hold(stdout in "\\PC{0,3000}", stderr in "\\PC{0,3000}") {
            prop_assert!(combined(&stdout, &stderr).chars().count() <= MAX_OUTPUT_CHARS);
        }
    }
}
