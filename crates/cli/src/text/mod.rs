//! What people read on a terminal. Pure: from answers of the API to text, with the time given.

pub mod advisories;
mod age;
pub mod fleet;
mod forecast;
pub mod history;
pub mod nodes;
pub mod patch_now;
pub mod plan;
pub mod report;
pub mod rings;
pub mod rollout;
mod table;
pub mod users;
pub mod why;

#[cfg(test)]
mod tests;

/// Whether escape sequences may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    Coloured,
}

/// What a colour stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Heading,
    Good,
    Bad,
    Warning,
}

impl Style {
    fn paint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Heading => "1",
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Warning => "33",
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// `1 patch`, `2 patches`.
fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// What nodes report is untrusted: no control characters reach the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn or_unknown(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).map_or_else(|| "-".to_owned(), clean)
}
