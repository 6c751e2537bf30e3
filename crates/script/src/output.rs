//! What a script prints: the beginning is kept, the rest counted, and nothing waits for a reader.

use std::borrow::Cow;

use monty_types::{MontyException, PrintWriterCallback};

use crate::protocol::MOST_OUTPUT_BYTES;

#[derive(Default)]
pub struct Output {
    kept: String,
    left_out: usize,
}

impl Output {
    /// With a line that says how much is missing.
    pub fn into_text(mut self) -> String {
        if self.left_out > 0 {
            self.kept.push_str(&format!("\n[{} more bytes were printed]\n", self.left_out));
        }
        self.kept
    }

    fn push(&mut self, text: &str) {
        let room = if self.left_out > 0 { 0 } else { MOST_OUTPUT_BYTES.saturating_sub(self.kept.len()) };
        let end = (0..=room.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        self.kept.push_str(&text[..end]);
        self.left_out = self.left_out.saturating_add(text.len() - end);
    }
}

impl PrintWriterCallback for Output {
    fn stdout_write(&mut self, output: Cow<'_, str>) -> Result<(), MontyException> {
        self.push(&output);
        Ok(())
    }

    fn stdout_push(&mut self, end: char) -> Result<(), MontyException> {
        self.push(end.encode_utf8(&mut [0; 4]));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_is_kept_and_the_rest_counted() {
        let mut output = Output::default();
        output.push(&"x".repeat(MOST_OUTPUT_BYTES - 1));
        output.push("é");
        output.push("y");
        let text = output.into_text();
        assert!(text.ends_with("x\n[3 more bytes were printed]\n"), "{}", &text[text.len() - 60..]);
        let mut output = Output::default();
        output.push("a");
        output.stdout_push('\n').unwrap();
        assert_eq!(output.into_text(), "a\n");
    }
}
