//! What a run prints: package managers' words as they come, within limits, so that the summary below them is kept;
//! and all of them in a file beside the agent's data.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// In the agent's data folder: everything that tools said in the last run that started any.
pub const LOG_FILE: &str = "patch-output.log";
/// Of tools' words on standard output. A step keeps 24,000 characters, and the summary comes last.
const ROOM_CHARS: usize = 9_000;

#[derive(Debug)]
pub struct Output {
    log_path: PathBuf,
    log: Option<File>,
    room: usize,
}

impl Output {
    pub fn new(data_dir: &Path) -> Self {
        Self { log_path: data_dir.join(LOG_FILE), log: None, room: ROOM_CHARS }
    }

    /// A line of our own. Nobody may be listening any more: an installation is not given up for that.
    pub fn say(&mut self, line: &str) {
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    }

    /// A tool's line.
    pub fn pass_on(&mut self, line: &str) {
        self.keep(line);
        let length = line.chars().count() + 1;
        if self.room == 0 {
            return;
        }
        if length <= self.room {
            self.room -= length;
            return self.say(line);
        }
        self.room = 0;
        self.say(&format!("… the rest stands in {} on the node", self.log_path.display()));
    }

    fn keep(&mut self, line: &str) {
        if self.log.is_none() {
            match crate::platform::private_file().truncate(true).open(&self.log_path) {
                Ok(file) => self.log = Some(file),
                Err(error) => {
                    return tracing::warn!(%error, path = %self.log_path.display(), "output not kept");
                }
            }
        }
        if let Some(Err(error)) = self.log.as_mut().map(|log| writeln!(log, "{line}")) {
            tracing::warn!(%error, path = %self.log_path.display(), "output not kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut output = Output::new(dir.path());
        let line = "x".repeat(99);
        (0..200).for_each(|_| output.pass_on(&line));
        assert_eq!(output.room, 0);
        let kept = std::fs::read_to_string(dir.path().join(LOG_FILE)).unwrap();
        assert_eq!(kept.lines().count(), 200);
        // The next run's words take the place of this one's.
        Output::new(dir.path()).pass_on("short");
        assert_eq!(std::fs::read_to_string(dir.path().join(LOG_FILE)).unwrap(), "short\n");
    }
}
