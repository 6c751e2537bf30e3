//! The journal against torn writes, damage, repetition and age.

use std::fs;

use proptest::prelude::*;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

fn message_id(number: u8) -> MessageId {
    MessageId::from_bytes([number; 16])
}

fn reply(job_id: &str, number: u8) -> StoredReply {
    StoredReply {
        message_id: message_id(number),
        job_id: job_id.into(),
        content: format!("{{\"n\":{number}}}"),
    }
}

fn open(path: &Path) -> Journal {
    Journal::open(path, Limits::default(), NOW).unwrap()
}

fn suspension() -> Suspension {
    Suspension { next_step: 1, times: 1, done: Vec::new(), restart: None }
}

/// One of everything, in an order a real run could have.
fn script() -> Vec<Record> {
    let mut journal_records = Vec::new();
    for job_id in ["a", "b", "c", "d"] {
        journal_records.push(Record::Received {
            job_id: job_id.into(),
            at: NOW,
            payload: format!("payload of {job_id}\n"),
        });
    }
    journal_records.extend([
        Record::Started { job_id: "a".into() },
        Record::Reply {
            job_id: "a".into(),
            message_id: message_id(1),
            kind: ReplyKind::Progress,
            content: "p".into(),
        },
        Record::Started { job_id: "b".into() },
        Record::Suspended { job_id: "b".into(), suspension: suspension() },
        Record::Reply {
            job_id: "a".into(),
            message_id: message_id(2),
            kind: ReplyKind::Final,
            content: "f".into(),
        },
        Record::Acknowledged { message_id: message_id(1) },
        Record::Started { job_id: "b".into() },
        Record::Started { job_id: "c".into() },
        Record::Acknowledged { message_id: message_id(2) },
    ]);
    journal_records
}

type Seen = (BTreeMap<String, Entry>, Vec<StoredReply>);

fn seen(journal: &Journal) -> Seen {
    (journal.entries.clone(), journal.unacknowledged().cloned().collect())
}

/// What the journal must hold after exactly these records.
fn expected(records: &[Record], dir: &Path) -> Seen {
    let mut journal = open(&dir.join("expected"));
    for record in records {
        journal.apply(record.clone());
    }
    let seen = seen(&journal);
    fs::remove_file(dir.join("expected")).unwrap();
    seen
}

#[test]
fn truncation_at_each_byte_keeps_every_whole_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let script = script();
    let text: Vec<u8> = script.iter().flat_map(Record::to_line).collect();
    for cut in 0..=text.len() {
        fs::write(&path, &text[..cut]).unwrap();
        let whole = text[..cut].iter().filter(|byte| **byte == b'\n').count();
        let mut journal = open(&path);
        let expected = expected(&script[..whole], dir.path());
        assert_eq!(seen(&journal), expected, "cut at {cut}");
        // What was ever started is never offered to run from the beginning.
        let started: Vec<&str> = script[..whole]
            .iter()
            .filter_map(|record| match record {
                Record::Started { job_id } => Some(job_id.as_str()),
                _ => None,
            })
            .collect();
        for leftover in journal.leftovers() {
            if let Leftover::Run { job_id, .. } = leftover {
                assert!(!started.contains(&job_id.as_str()), "cut at {cut}: {job_id} would run twice");
            }
        }
        // And the journal goes on: a torn tail does not swallow the next record.
        assert_eq!(journal.receive("next", "p", NOW).unwrap(), Receipt::New);
        drop(journal);
        assert_eq!(open(&path).receive("next", "p", NOW).unwrap(), Receipt::Duplicate, "cut at {cut}");
    }
}

#[test]
fn a_damaged_line_costs_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let script = script();
    let lines: Vec<Vec<u8>> = script.iter().map(Record::to_line).collect();
    for damaged in 0..lines.len() {
        let mut text = lines.clone();
        let middle = text[damaged].len() / 2;
        text[damaged][middle] ^= 0x20;
        fs::write(&path, text.concat()).unwrap();
        let mut rest = script.clone();
        rest.remove(damaged);
        assert_eq!(seen(&open(&path)), expected(&rest, dir.path()), "line {damaged}");
    }
}

#[test]
fn a_command_is_taken_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut journal = open(&path);
    assert_eq!(journal.receive("a", "payload", NOW).unwrap(), Receipt::New);
    assert_eq!(journal.receive("a", "payload", NOW).unwrap(), Receipt::Duplicate);
    drop(journal);

    let mut journal = open(&path);
    assert_eq!(journal.leftovers(), [Leftover::Run { job_id: "a".into(), payload: "payload".into() }]);
    journal.start("a").unwrap();
    drop(journal);

    let mut journal = open(&path);
    assert_eq!(
        journal.leftovers(),
        [Leftover::Interrupted { job_id: "a".into(), payload: "payload".into() }]
    );
    journal.suspend("a", suspension()).unwrap();
    drop(journal);

    let mut journal = open(&path);
    assert!(matches!(&journal.leftovers()[..], [Leftover::Resume { .. }]));
    journal.start("a").unwrap();
    journal.reply(reply("a", 1), ReplyKind::Final).unwrap();
    drop(journal);

    let mut journal = open(&path);
    assert_eq!(journal.leftovers(), []);
    assert_eq!(journal.receive("a", "payload", NOW).unwrap(), Receipt::Duplicate);
}

#[test]
fn replies_stay_until_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut journal = open(&path);
    journal.receive("a", "payload", NOW).unwrap();
    journal.start("a").unwrap();
    journal.reply(reply("a", 1), ReplyKind::Progress).unwrap();
    journal.reply(reply("a", 2), ReplyKind::Final).unwrap();
    for _ in 0..2 {
        drop(journal);
        journal = open(&path);
        assert_eq!(journal.unacknowledged().cloned().collect::<Vec<_>>(), [reply("a", 1), reply("a", 2)]);
    }
    journal.acknowledge(message_id(1), NOW).unwrap();
    journal.acknowledge(message_id(9), NOW).unwrap();
    drop(journal);
    assert_eq!(open(&path).unacknowledged().cloned().collect::<Vec<_>>(), [reply("a", 2)]);
}

#[test]
fn old_and_surplus_commands_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let limits = Limits { max_finished: 2, ..Limits::default() };
    let mut journal = Journal::open(&path, limits, NOW).unwrap();
    let long_ago = NOW.plus_seconds(-31 * 86_400);
    for (number, (job_id, at)) in
        [("old", long_ago), ("one", NOW), ("two", NOW.plus_seconds(1)), ("three", NOW.plus_seconds(2))]
            .iter()
            .enumerate()
    {
        journal.receive(job_id, "p", *at).unwrap();
        journal.reply(reply(job_id, number as u8), ReplyKind::Final).unwrap();
    }
    journal.receive("open", "p", long_ago).unwrap();
    drop(journal);
    let journal = Journal::open(&path, limits, NOW).unwrap();
    assert_eq!(journal.entries.keys().collect::<Vec<_>>(), ["open", "three", "two"]);
    assert_eq!(
        journal.unacknowledged().map(|reply| reply.job_id.as_str()).collect::<Vec<_>>(),
        ["two", "three"]
    );
}

#[test]
fn the_file_stays_small_while_running() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let limits = Limits { max_finished: 3, max_appended_bytes: 20_000, ..Limits::default() };
    let mut journal = Journal::open(&path, limits, NOW).unwrap();
    for number in 0..100_u8 {
        let job_id = format!("job-{number}");
        journal.receive(&job_id, &"x".repeat(1_000), NOW).unwrap();
        journal.start(&job_id).unwrap();
        journal.reply(reply(&job_id, number), ReplyKind::Final).unwrap();
        journal.acknowledge(message_id(number), NOW).unwrap();
    }
    assert!(fs::metadata(&path).unwrap().len() < 25_000);
    assert_eq!(journal.receive("job-99", "", NOW).unwrap(), Receipt::Duplicate);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_files_never_panic(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        fs::write(&path, &text).unwrap();
        prop_assert_eq!(open(&path).leftovers(), []);
    }

    #[test]
    fn a_rewrite_changes_nothing(picks in proptest::collection::vec(0..13_usize, 0..40)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let script = script();
        let records: Vec<Record> = picks.iter().map(|pick| script[*pick].clone()).collect();
        let text: Vec<u8> = records.iter().flat_map(Record::to_line).collect();
        fs::write(&path, text).unwrap();
        let first = seen(&open(&path));
        prop_assert_eq!(seen(&open(&path)), first);
    }
}
