//! The parts that are played, and what is made sure of from outside.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use agent::run::Lifetime;
use agent::update::relay;
use agent::update::renames::{beside, put_in_place, remove_old};
use agent::update::{HAND_OVER, Next};

const PATIENCE: Duration = Duration::from_secs(60);

pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "play") {
        let (dir, story) = (PathBuf::from(&arguments[at + 1]), arguments[at + 2].clone());
        let is_relayed = arguments.iter().any(|argument| argument == "--relayed");
        return play(&dir, &story, is_relayed);
    }
    let stories: [(&str, fn()); 3] = [
        ("a running program gives its place away, twice", a_place_is_given_away_twice),
        ("one that fails ends the process that stays", one_that_fails_is_told),
        ("a process that is told to stop ends its child", stopping_ends_both),
    ];
    for (name, story) in stories {
        story();
        println!("test {name} ... ok");
    }
    println!("{} passed", stories.len());
    ExitCode::SUCCESS
}

/// The first process gives its place to the second build and stays; the second one gives it to the third, and leaves.
fn play(dir: &Path, story: &str, is_relayed: bool) -> ExitCode {
    let program = dir.join("agent.exe");
    let lines = diary(dir).len();
    note(dir, &format!("{} of {} bytes", if is_relayed { "child" } else { "first" }, size(&program)));
    if !is_relayed {
        put_in_place(&beside(&program, "update"), &program).unwrap();
        // It runs under another name now, under which it stays.
        remove_old(&program);
        assert!(beside(&program, "old-0").exists(), "a running program was deleted");
        return match relay::run(&program, Lifetime::OfParent) {
            Ok(Next::End) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        };
    }
    match (story, lines) {
        ("fails", _) => ExitCode::from(9),
        ("waits", _) => {
            // Until the standard input that its parent holds is closed.
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            note(dir, "child ends");
            ExitCode::SUCCESS
        }
        (_, 1) => {
            put_in_place(&dir.join("third.exe"), &program).unwrap();
            ExitCode::from(HAND_OVER)
        }
        _ => ExitCode::SUCCESS,
    }
}

fn diary(dir: &Path) -> Vec<String> {
    fs::read_to_string(dir.join("diary")).unwrap_or_default().lines().map(str::to_owned).collect()
}

fn note(dir: &Path, line: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(dir.join("diary")).unwrap();
    writeln!(file, "{line}").unwrap();
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).unwrap().len()
}

/// Of all programs that have had the place.
fn old_sizes(program: &Path) -> Vec<u64> {
    let names = (0..8).map(|number| beside(program, &format!("old-{number}")));
    names.filter(|path| path.exists()).map(|path| size(&path)).collect()
}

/// A folder with three builds of this program, each a byte longer than the one before, and a process of the first.
struct Bed {
    dir: tempfile::TempDir,
    size: u64,
    process: Child,
}

impl Bed {
    fn start(story: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("agent.exe");
        let bytes = fs::read(std::env::current_exe().unwrap()).unwrap();
        let build = |more: usize| [&bytes[..], &vec![0; more]].concat();
        for (path, more) in
            [(&program, 0), (&beside(&program, "update"), 1), (&dir.path().join("third.exe"), 2)]
        {
            fs::write(path, build(more)).unwrap();
        }
        let process = Command::new(&program)
            .arg("play")
            .arg(dir.path())
            .arg(story)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Self { dir, size: bytes.len() as u64, process }
    }

    fn end(&mut self) -> Option<i32> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.process.try_wait().unwrap() {
                Some(status) => return status.code(),
                None => assert!(Instant::now() < end, "it does not end: {:?}", diary(self.dir.path())),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn of(&self, who: &str, more: u64) -> String {
        format!("{who} of {} bytes", self.size + more)
    }
}

fn a_place_is_given_away_twice() {
    let mut bed = Bed::start("twice");
    // Nobody closes it before: that would be the word to stop.
    let _stdin = bed.process.stdin.take();
    assert_eq!(bed.end(), Some(0), "{:?}", diary(bed.dir.path()));
    assert_eq!(diary(bed.dir.path()), [bed.of("first", 0), bed.of("child", 1), bed.of("child", 2)]);
    let program = bed.dir.path().join("agent.exe");
    assert_eq!(size(&program), bed.size + 2);
    let mut old = old_sizes(&program);
    // One that keeps its name may have another one, too.
    old.dedup();
    assert_eq!(old, [bed.size, bed.size + 1]);
    remove_old(&program);
    assert!(old_sizes(&program).is_empty(), "nobody runs them any more");
}

fn one_that_fails_is_told() {
    let mut bed = Bed::start("fails");
    let _stdin = bed.process.stdin.take();
    assert_eq!(bed.end(), Some(1));
    assert_eq!(diary(bed.dir.path()), [bed.of("first", 0), bed.of("child", 1)]);
}

fn stopping_ends_both() {
    let mut bed = Bed::start("waits");
    let end = Instant::now() + PATIENCE;
    while diary(bed.dir.path()).len() < 2 {
        assert!(Instant::now() < end, "no child: {:?}", diary(bed.dir.path()));
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(bed.process.stdin.take());
    assert_eq!(bed.end(), Some(0));
    assert_eq!(diary(bed.dir.path()).last().map(String::as_str), Some("child ends"));
}
