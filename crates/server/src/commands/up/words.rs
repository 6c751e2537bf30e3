//! What `fettle up` says: progress to stderr, the report to stdout.

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use api::fettle::GetNodeReportResponse;
use cli::text::{self, Style};

/// One line of progress.
#[expect(clippy::print_stderr, reason = "the progress of a command line program")]
pub fn say(line: &str) {
    eprintln!("{line}");
}

pub fn report(report: &GetNodeReportResponse) -> anyhow::Result<()> {
    let text = text::report::render(report, Style::of_stdout());
    let mut out = std::io::stdout().lock();
    write!(out, "\n{text}\n").and_then(|()| out.flush()).context("cannot print the report")
}

/// Where to look at all of this.
pub fn sign_in(data: &Path, link: &str) {
    let program = std::env::current_exe().map_or_else(|_| "fettle".into(), |path| path.display().to_string());
    let (program, data) = (quoted(&program), quoted(&data.display().to_string()));
    say("The console, for one sign-in within ten minutes:");
    say(&format!("  {link}"));
    say(&format!("  (later: {program} sign-in-link --data {data})"));
}

/// Lines to paste into another terminal.
pub fn next_steps(data: &Path, endpoint: &str, region: &str, node: &str) {
    let program = std::env::current_exe().map_or_else(|_| "fettle".into(), |path| path.display().to_string());
    let (program, data) = (quoted(&program), quoted(&data.display().to_string()));
    say("In another terminal:");
    say(&format!("  eval \"$({program} credentials --data {data} --region {region})\""));
    say(&format!("  export AWS_ENDPOINT_URL={endpoint} FETTLE_ENDPOINT={endpoint}"));
    say(&format!("  aws ssm describe-instance-patch-states --instance-ids {node}"));
    say(&format!(
        "  aws ssm describe-instance-patches --instance-id {node} --filters Key=State,Values=Missing"
    ));
    say("  aws ssm list-compliance-summaries");
    say(&format!("  {program} why {node}"));
    say("The server and the agent run until Ctrl-C.");
}

/// For a shell, when it needs it.
fn quoted(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+:@%".contains(character);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_a_shell_would_split() {
        assert_eq!(quoted("/home/me/.fettle"), "/home/me/.fettle");
        assert_eq!(quoted("/home/my things"), "'/home/my things'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
