//! Answers of small reads that are asked over and over, remembered until a table they read is written.
//!
//! What this process writes is forgotten before the writer is told of its commit. What other servers on the same
//! database write is announced with their commit (`wakeups`); while that is not heard, nothing is remembered.
//! Decision: docs/decisions/0020-remembered-reads.md.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::value::{Row, Value};

/// Written seldom or read far more often than written, and small where one answer is concerned.
const TABLES: [&str; 4] = ["baselines", "default_baselines", "patch_groups", "commands"];

/// How long word that others' writes are heard holds: what they wrote may be this old when it is read here.
pub(crate) const HEARD_FOR: Duration = Duration::from_secs(3);

const MAX_ANSWERS: usize = 1024;
const MAX_BYTES: usize = 8 << 20;
/// Larger answers are not worth their room.
const MAX_ANSWER_BYTES: usize = 256 << 10;

/// Some of [`TABLES`], a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tables(u8);

impl Tables {
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn add(&mut self, more: Self) {
        self.0 |= more.0;
    }

    fn named(name: &str) -> Self {
        Self(TABLES.iter().position(|table| *table == name).map_or(0, |place| 1 << place))
    }

    fn places(self) -> impl Iterator<Item = usize> {
        (0..TABLES.len()).filter(move |place| self.0 & 1 << place != 0)
    }

    /// For the announcement, and back.
    pub fn to_text(self) -> String {
        self.places().map(|place| TABLES[place]).collect::<Vec<_>>().join(" ")
    }

    pub fn from_text(text: &str) -> Self {
        let mut tables = Self::default();
        text.split(' ').for_each(|name| tables.add(Self::named(name)));
        tables
    }

    /// What a statement writes. Statements that only read write nothing.
    pub fn written_by(sql: &str) -> Self {
        let mut words = words(sql);
        match words.next() {
            Some(first) if is(first, "SELECT") => Self::default(),
            Some(first) if is(first, "INSERT") || is(first, "DELETE") => {
                words.nth(1).map(Self::named).unwrap_or_default()
            }
            Some(first) if is(first, "UPDATE") => words.next().map(Self::named).unwrap_or_default(),
            // Anything else may write whatever it names.
            _ => {
                let mut tables = Self::default();
                words.for_each(|word| tables.add(Self::named(word)));
                tables
            }
        }
    }

    /// What a statement reads, when that is nothing but these tables.
    fn read_by(sql: &str) -> Option<Self> {
        let mut words = words(sql).peekable();
        if !is(words.next()?, "SELECT") {
            return None;
        }
        let mut tables = Self::default();
        while let Some(word) = words.next() {
            if !is(word, "FROM") && !is(word, "JOIN") {
                continue;
            }
            match words.peek() {
                // A statement inside; what it reads follows its own FROM.
                Some(next) if is(next, "SELECT") => {}
                Some(next) => {
                    let table = Self::named(next);
                    if table.is_empty() {
                        return None;
                    }
                    tables.add(table);
                }
                None => return None,
            }
        }
        (!tables.is_empty() && !has_list_of_tables(sql)).then_some(tables)
    }
}

/// `FROM a, b`, which nobody writes here: what follows the comma would be overlooked.
fn has_list_of_tables(sql: &str) -> bool {
    let mut rest = sql;
    while let Some((_, after)) = rest.split_once("FROM ") {
        let end = after.find(['(', ')']).unwrap_or(after.len());
        let clause = &after[..end];
        let end =
            ["WHERE", "ORDER", "GROUP", "LIMIT", "JOIN"].iter().filter_map(|word| clause.find(word)).min();
        if clause[..end.unwrap_or(clause.len())].contains(',') {
            return true;
        }
        rest = after;
    }
    false
}

fn words(sql: &str) -> impl Iterator<Item = &str> {
    sql.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}

/// The memory of one process for one database.
#[derive(Debug)]
pub(crate) struct Memory {
    state: Mutex<State>,
    hashing: RandomState,
    /// Whether other processes may write to the database.
    is_shared: bool,
    recalled: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// Of each table: how often it was written, as far as heard.
    writes: [u64; TABLES.len()],
    heard_until: Option<Instant>,
    answers: HashMap<u64, Answer>,
    bytes: usize,
}

#[derive(Debug)]
struct Answer {
    sql: String,
    values: Vec<Value<'static>>,
    mark: Mark,
    rows: Vec<Row>,
    bytes: usize,
}

/// The writes that an answer knows of. Taken before the question is put to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    tables: Tables,
    writes: [u64; TABLES.len()],
}

impl Memory {
    pub fn new(is_shared: bool) -> Self {
        Self { state: Mutex::default(), hashing: RandomState::new(), is_shared, recalled: AtomicU64::new(0) }
    }

    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer that is still true, if there is one.
    pub fn recall(&self, sql: &str, values: &[Value<'_>]) -> Option<Vec<Row>> {
        let state = self.state();
        if !self.can_hear(&state) {
            return None;
        }
        let answer = state.answers.get(&self.hashing.hash_one((sql, values)))?;
        let is_asked = answer.sql == sql && answer.values == values;
        let is_true = is_asked && state.holds(&answer.mark);
        self.recalled.fetch_add(is_true.into(), Ordering::Relaxed);
        is_true.then(|| answer.rows.clone())
    }

    /// How many answers were given from memory.
    #[cfg(feature = "testing")]
    pub fn recalled(&self) -> u64 {
        self.recalled.load(Ordering::Relaxed)
    }

    /// To be taken before the statement runs; `None` when its answer cannot be remembered.
    pub fn mark(&self, sql: &str) -> Option<Mark> {
        let tables = Tables::read_by(sql)?;
        let state = self.state();
        self.can_hear(&state).then_some(Mark { tables, writes: state.writes })
    }

    pub fn remember(&self, mark: Mark, sql: &str, values: &[Value<'_>], rows: &[Row]) {
        let bytes = sql.len()
            + values.iter().map(Value::weight).sum::<usize>()
            + rows.iter().flat_map(|row| &row.0).map(Value::weight).sum::<usize>();
        if bytes > MAX_ANSWER_BYTES {
            return;
        }
        let key = self.hashing.hash_one((sql, values));
        let values = values.iter().map(Value::to_owned_value).collect();
        let answer = Answer { sql: sql.to_owned(), values, mark, rows: rows.to_vec(), bytes };
        let mut state = self.state();
        if !state.holds(&mark) {
            return;
        }
        if state.answers.len() >= MAX_ANSWERS || state.bytes + bytes > MAX_BYTES {
            state.clear();
        }
        state.bytes += bytes;
        if let Some(old) = state.answers.insert(key, answer) {
            state.bytes -= old.bytes;
        }
    }

    /// These tables were written.
    pub fn forget(&self, tables: Tables) {
        let mut state = self.state();
        tables.places().for_each(|place| state.writes[place] += 1);
    }

    /// What others committed before `asked` has arrived.
    pub fn heard(&self, asked: Instant) {
        let mut state = self.state();
        if state.heard_until.is_none() {
            // Whatever was remembered before may have missed a word.
            state.forget_all();
        }
        state.heard_until = Some(asked + HEARD_FOR);
    }

    /// Others are not heard from now on.
    pub fn deafen(&self) {
        let mut state = self.state();
        state.heard_until = None;
        state.forget_all();
    }

    fn can_hear(&self, state: &State) -> bool {
        !self.is_shared || state.heard_until.is_some_and(|until| Instant::now() < until)
    }
}

impl State {
    fn holds(&self, mark: &Mark) -> bool {
        mark.tables.places().all(|place| mark.writes[place] == self.writes[place])
    }

    fn clear(&mut self) {
        self.answers.clear();
        self.bytes = 0;
    }

    fn forget_all(&mut self) {
        self.clear();
        // Questions that are on their way count as asked before.
        self.writes.iter_mut().for_each(|writes| *writes += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_statements_read() {
        let rows = [
            ("SELECT a FROM baselines WHERE b = $1 ORDER BY a, b", Some("baselines")),
            ("SELECT a FROM commands c JOIN baselines AS b ON c.x = b.x", Some("baselines commands")),
            ("SELECT a FROM commands WHERE x IN (SELECT y FROM patch_groups)", Some("patch_groups commands")),
            ("SELECT a FROM commands WHERE x IN (SELECT y FROM invocations i)", None),
            ("SELECT a FROM nodes", None),
            ("SELECT a FROM commands, nodes WHERE x = y", None),
            ("SELECT a FROM commands c, nodes n", None),
            ("SELECT 1", None),
            ("DELETE FROM commands RETURNING id", None),
        ];
        for (sql, expected) in rows {
            assert_eq!(Tables::read_by(sql), expected.map(Tables::from_text), "{sql}");
        }
    }

    #[test]
    fn what_statements_write() {
        let rows = [
            ("INSERT INTO baselines (account) VALUES ($1)", "baselines"),
            ("INSERT INTO nodes (account) SELECT account FROM baselines", ""),
            ("UPDATE commands SET status = $1", "commands"),
            ("DELETE FROM patch_groups WHERE x = $1", "patch_groups"),
            ("SELECT a FROM baselines", ""),
            ("WITH gone AS (DELETE FROM commands RETURNING id) SELECT id FROM gone", "commands"),
        ];
        for (sql, expected) in rows {
            assert_eq!(Tables::written_by(sql), Tables::from_text(expected), "{sql}");
        }
        let both = Tables::from_text("baselines commands");
        assert_eq!(Tables::from_text(&both.to_text()), both);
    }

    const SQL: &str = "SELECT name FROM baselines WHERE account = $1";

    fn rows(text: &str) -> Vec<Row> {
        vec![Row(vec![Value::from(text.to_owned())])]
    }

    #[test]
    fn an_answer_is_true_until_its_table_is_written() {
        let memory = Memory::new(false);
        let values = [Value::from("1")];
        assert_eq!(memory.recall(SQL, &values), None);
        memory.remember(memory.mark(SQL).unwrap(), SQL, &values, &rows("a"));
        assert_eq!(memory.recall(SQL, &values), Some(rows("a")));
        assert_eq!(memory.recall(SQL, &[Value::from("2")]), None);
        memory.forget(Tables::from_text("commands"));
        assert_eq!(memory.recall(SQL, &values), Some(rows("a")));
        memory.forget(Tables::from_text("baselines"));
        assert_eq!(memory.recall(SQL, &values), None);
    }

    /// The question was put before the write, its answer comes after it.
    #[test]
    fn an_answer_from_before_a_write_is_not_remembered() {
        let memory = Memory::new(false);
        let mark = memory.mark(SQL).unwrap();
        memory.forget(Tables::from_text("baselines"));
        memory.remember(mark, SQL, &[], &rows("old"));
        assert_eq!(memory.recall(SQL, &[]), None);
    }

    #[test]
    fn a_shared_database_is_remembered_only_while_others_are_heard() {
        let memory = Memory::new(true);
        assert_eq!(memory.mark(SQL), None);
        memory.heard(Instant::now());
        memory.remember(memory.mark(SQL).unwrap(), SQL, &[], &rows("a"));
        assert_eq!(memory.recall(SQL, &[]), Some(rows("a")));
        memory.deafen();
        assert_eq!(memory.recall(SQL, &[]), None);
        memory.heard(Instant::now());
        assert_eq!(memory.recall(SQL, &[]), None);
        memory.remember(memory.mark(SQL).unwrap(), SQL, &[], &rows("a"));
        // The last word is too long ago.
        memory.heard(Instant::now().checked_sub(HEARD_FOR).unwrap());
        assert_eq!(memory.recall(SQL, &[]), None);
    }

    #[test]
    fn memory_has_bounds() {
        let memory = Memory::new(false);
        let mark = memory.mark(SQL).unwrap();
        memory.remember(mark, SQL, &[], &rows(&"x".repeat(MAX_ANSWER_BYTES)));
        assert_eq!(memory.recall(SQL, &[]), None);
        for number in 0..3 * MAX_ANSWERS as i64 {
            let mark = memory.mark(SQL).unwrap();
            memory.remember(mark, SQL, &[number.into()], &rows("a"));
            assert_eq!(memory.recall(SQL, &[number.into()]), Some(rows("a")));
            assert!(memory.state().answers.len() <= MAX_ANSWERS);
        }
    }
}
