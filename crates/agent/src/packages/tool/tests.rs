//! Real processes: output, ends, time-outs, cancellation.

use std::sync::Mutex;

use super::*;

const LONG: Duration = Duration::from_secs(60);

fn shell(script: &str) -> Tool {
    Tool::new("/bin/sh").arg("-c").arg(script)
}

fn run() -> ToolRun {
    ToolRun::new(Path::new("/nowhere"), LONG)
}

#[test]
fn keeps_streams_apart_passes_lines_on_and_tells_the_exit_code() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = seen.clone();
    let mut run =
        run().streaming_to(move |stream, line| sink.lock().unwrap().push((stream, line.to_owned())));
    let script = "echo $LC_ALL $GREETING; echo oops >&2; printf '10%%\\r20%%'; exit 7";
    let finished = run.run(&shell(script).env("GREETING", "hello")).unwrap();
    assert_eq!(finished.ending, Ending::Exited(7));
    assert_eq!(finished.out().collect::<Vec<_>>(), ["C.UTF-8 hello", "20%"]);
    assert_eq!(finished.err().collect::<Vec<_>>(), ["oops"]);
    assert!(seen.lock().unwrap().contains(&(Stream::Err, "oops".to_owned())));
    let failure = finished.plain_failure();
    assert_eq!((failure.code, failure.subject.as_str()), (FailureCode::ToolFailed, "sh"));
    assert!(failure.detail.contains("exit code 7"), "{failure}");
}

#[test]
fn a_tool_that_takes_too_long_is_ended_with_all_it_started() {
    let began = Instant::now();
    let script = "sleep 300 & echo $!; wait";
    let pid = Arc::new(Mutex::new(String::new()));
    let sink = pid.clone();
    let mut run = run().streaming_to(move |_, line| line.clone_into(&mut sink.lock().unwrap()));
    let failure = run.run(&shell(script).at_most(Duration::from_millis(300))).unwrap_err();
    assert_eq!((failure.code, failure.subject.as_str()), (FailureCode::TimedOut, "sh"));
    assert!(began.elapsed() < Duration::from_secs(15));
    let stat = format!("/proc/{}/stat", pid.lock().unwrap());
    while began.elapsed() < LONG {
        let stat = std::fs::read_to_string(&stat).unwrap_or_default();
        if stat.is_empty() || stat.contains(") Z ") {
            return;
        }
        std::thread::yield_now();
    }
    panic!("the grandchild lives on");
}

#[test]
fn a_cancelled_run_ends_its_tool_and_starts_no_other() {
    let cancelled = Arc::new(AtomicBool::new(false));
    let setter = cancelled.clone();
    let mut run = run()
        .cancelled_by(cancelled)
        .streaming_to(move |_, line| setter.store(line == "ready", Ordering::Relaxed));
    let failure = run.run(&shell("echo ready; sleep 300")).unwrap_err();
    assert!(failure.detail.contains("cancelled"), "{failure}");
    assert!(run.run(&shell("exit 0")).unwrap_err().detail.contains("cancelled"));
}

#[test]
fn a_daemon_that_keeps_the_output_open_is_not_waited_for() {
    let began = Instant::now();
    let finished = run().run(&shell("sleep 20 & echo started")).unwrap();
    assert_eq!((finished.succeeded(), finished.out().next()), (true, Some("started")));
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_missing_tool_has_its_own_code() {
    let failure = run().run(&Tool::new("/nowhere/apt-get")).unwrap_err();
    assert_eq!((failure.code, failure.subject.as_str()), (FailureCode::ToolMissing, "apt-get"));
}

#[test]
fn a_kill_from_outside_is_told_as_what_it_most_likely_is() {
    let finished = run().run(&shell("kill -9 $$")).unwrap();
    assert_eq!(finished.plain_failure().code, FailureCode::OutOfMemory);
}

#[test]
fn output_without_end_keeps_its_tail() {
    let mut kept = Kept::default();
    for at in 0..3000 {
        kept.push(Stream::Out, format!("{at:010000}"));
    }
    assert!(kept.dropped && kept.bytes <= MAX_KEPT_BYTES);
    assert!(kept.lines.back().unwrap().1.ends_with("2999"));
}
