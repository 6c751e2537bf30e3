//! Putting a file in the place of a program that runs, where such a file cannot be replaced or deleted, but renamed.
//! Source: Microsoft, MoveFileEx and CreateHardLink.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Each update leaves one, until a start at which it does not run any more.
const MOST_OLD: u32 = 100;

/// `.agent.WHAT.exe` beside `agent.exe`.
pub fn beside(program: &Path, what: &str) -> PathBuf {
    let stem = program.file_stem().unwrap_or_default().to_string_lossy();
    let ending =
        program.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    program.with_file_name(format!(".{stem}.{what}{ending}"))
}

/// After success `program` is the new file, and the old one has another name. After a failure everything is as it was, unless the
/// error says otherwise.
pub fn put_in_place(new: &Path, program: &Path) -> io::Result<()> {
    // Newer systems let a name go over to another file while the old one runs, if that has a name left: then one of the two has the
    // place at every moment.
    let link = free_name(program)?;
    if fs::hard_link(program, &link).is_ok() {
        if fs::rename(new, program).is_ok() {
            return Ok(());
        }
        // Others do not let go of any name of a running program: it stays until a later start.
        let _ = fs::remove_file(&link);
    }
    in_two_steps(new, program, &free_name(program)?)
}

/// Between the two nobody has the place; a machine that loses its power just then has its agent under the name `old`.
fn in_two_steps(new: &Path, program: &Path, old: &Path) -> io::Result<()> {
    fs::rename(program, old)?;
    let Err(error) = fs::rename(new, program) else { return Ok(()) };
    fs::rename(old, program).map_err(|again| {
        let text = format!(
            "{error}; and {} cannot be brought back from {}: {again}",
            program.display(),
            old.display()
        );
        io::Error::new(again.kind(), text)
    })?;
    Err(error)
}

/// Those whose files may still be in use stay.
pub fn remove_old(program: &Path) {
    for old in (0..MOST_OLD).map(|number| old_name(program, number)) {
        match fs::remove_file(&old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::debug!(%error, path = %old.display(), "a program of an earlier update stays");
            }
            _ => {}
        }
    }
}

fn free_name(program: &Path) -> io::Result<PathBuf> {
    let mut names = (0..MOST_OLD).map(|number| old_name(program, number));
    let is_free = |name: &PathBuf| matches!(name.try_exists(), Ok(false));
    names
        .find(is_free)
        .ok_or_else(|| io::Error::other(format!("{MOST_OLD} programs of earlier updates are still there")))
}

fn old_name(program: &Path, number: u32) -> PathBuf {
    beside(program, &format!("old-{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(dir: &Path) -> Vec<String> {
        let mut found: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                format!("{name}={}", fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        found.sort();
        found
    }

    fn bed() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("agent.exe");
        let new = beside(&program, "update");
        fs::write(&program, "one").unwrap();
        fs::write(&new, "two").unwrap();
        (dir, program, new)
    }

    #[test]
    fn the_old_program_keeps_a_name() {
        let (dir, program, new) = bed();
        put_in_place(&new, &program).unwrap();
        assert_eq!(files(dir.path()), [".agent.old-0.exe=one", "agent.exe=two"]);
        fs::write(&new, "three").unwrap();
        put_in_place(&new, &program).unwrap();
        assert_eq!(files(dir.path()), [".agent.old-0.exe=one", ".agent.old-1.exe=two", "agent.exe=three"]);
        remove_old(&program);
        assert_eq!(files(dir.path()), ["agent.exe=three"]);
    }

    #[test]
    fn two_steps_do_the_same_or_nothing() {
        let (dir, program, new) = bed();
        in_two_steps(&new, &program, &old_name(&program, 0)).unwrap();
        assert_eq!(files(dir.path()), [".agent.old-0.exe=one", "agent.exe=two"]);
        let (dir, program, new) = bed();
        fs::remove_file(&new).unwrap();
        in_two_steps(&new, &program, &old_name(&program, 0)).unwrap_err();
        assert_eq!(files(dir.path()), ["agent.exe=one"]);
        put_in_place(&new, &program).unwrap_err();
        assert_eq!(files(dir.path()), ["agent.exe=one"]);
    }

    #[test]
    fn names_run_out() {
        let (_dir, program, new) = bed();
        (0..MOST_OLD).for_each(|number| fs::write(old_name(&program, number), "old").unwrap());
        assert!(put_in_place(&new, &program).is_err());
        assert_eq!(fs::read_to_string(&program).unwrap(), "one");
    }
}
