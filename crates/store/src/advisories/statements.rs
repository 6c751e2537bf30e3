//! The statements of imports, text by interned number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::advisory::{Statement, Subject};

use super::kind::{kind_of, subject_of};
use crate::clause::placeholders;
use crate::{Result, Row, Scope, Store, Tx, Value, strings};

/// Rows per statement, and subjects per question.
const CHUNK: usize = 64;
/// In place of a number: no text.
const NONE: i64 = 0;
const COLUMNS: &str = "import_id, subject, kind, distribution, cve, introduced, fixed, severity";

/// Statements whose texts have numbers.
#[derive(Debug)]
pub struct Numbered(Vec<[i64; 7]>);

/// Numbers the texts of statements. Opens transactions of its own: the caller holds none.
pub async fn number(store: &Store, scope: Scope<'_>, statements: &[Statement]) -> Result<Numbered> {
    let mut texts = BTreeSet::new();
    for statement in statements {
        texts.extend(texts_of(statement).into_iter().filter(|text| !text.is_empty()));
    }
    let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
    let ids = strings::intern(store, scope, &texts).await?;
    let known: BTreeMap<&str, i64> = texts.iter().map(String::as_str).zip(ids).collect();
    let id = |text: &str| known.get(text).copied().unwrap_or(NONE);
    let row = |statement: &Statement| {
        let kind = kind_of(&statement.subject);
        let [subject, distribution, cve, introduced, fixed, severity] = texts_of(statement).map(id);
        [subject, kind, distribution, cve, introduced, fixed, severity]
    };
    Ok(Numbered(statements.iter().map(row).collect()))
}

fn texts_of(statement: &Statement) -> [&str; 6] {
    [
        statement.subject.name(),
        &statement.distribution,
        &statement.cve_id,
        statement.introduced.as_deref().unwrap_or_default(),
        statement.fixed.as_deref().unwrap_or_default(),
        &statement.severity,
    ]
}

/// Adds them to an import; one that is there is passed over. How many were new.
pub async fn insert(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    import: i64,
    statements: &Numbered,
) -> Result<u64> {
    let mut new = 0;
    for chunk in statements.0.chunks(CHUNK) {
        let rows: Vec<String> = (0..chunk.len())
            .map(|row| {
                let cells: Vec<String> = (0..7).map(|cell| format!("${}", 4 + row * 7 + cell)).collect();
                format!("($1, $2, $3, {})", cells.join(", "))
            })
            .collect();
        let sql = format!(
            "INSERT INTO advisory_statements (account, region, {COLUMNS}) VALUES {}
            ON CONFLICT (account, region, import_id, subject, kind, distribution, cve, introduced, fixed)
            DO NOTHING",
            rows.join(", ")
        );
        let mut values: Vec<Value<'_>> = vec![account.as_str().into(), region.as_str().into(), import.into()];
        values.extend(chunk.iter().flatten().map(|number| Value::from(*number)));
        new += tx.execute(&sql, &values).await?;
    }
    Ok(new)
}

/// What these imports say of these subjects, with the import that says it. Primary key order.
pub async fn list_of_subjects(
    tx: &mut Tx,
    scope: Scope<'_>,
    imports: &[i64],
    subjects: &BTreeSet<Subject>,
) -> Result<Vec<(i64, Statement)>> {
    let names: BTreeSet<&str> = subjects.iter().map(Subject::name).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let ids: Vec<i64> = strings::known(tx, scope, &names).await?.into_values().collect();
    let mut rows = Vec::new();
    for import in imports {
        for chunk in ids.chunks(CHUNK) {
            let sql = format!(
                "SELECT {COLUMNS} FROM advisory_statements
                WHERE account = $1 AND region = $2 AND import_id = $3 AND subject IN ({})",
                placeholders(4, chunk.len())
            );
            let mut values = vec![scope.0.as_str().into(), scope.1.as_str().into(), (*import).into()];
            values.extend(chunk.iter().map(|id| Value::from(*id)));
            rows.extend(tx.query(&sql, &values).await?.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
    }
    let mut found = resolve(tx, scope, rows).await?;
    found.retain(|(_, statement)| subjects.contains(&statement.subject));
    Ok(found)
}

/// What these imports say of a CVE. Index: advisory_statements_by_cve.
pub async fn list_of_cve(
    tx: &mut Tx,
    scope: Scope<'_>,
    imports: &[i64],
    cve_id: &str,
) -> Result<Vec<(i64, Statement)>> {
    let Some(cve) = strings::known(tx, scope, &[cve_id]).await?.into_values().next() else {
        return Ok(Vec::new());
    };
    let mut rows = Vec::new();
    for import in imports {
        let sql = format!(
            "SELECT {COLUMNS} FROM advisory_statements
            WHERE account = $1 AND region = $2 AND cve = $3 AND import_id = $4"
        );
        let values = [scope.0.as_str().into(), scope.1.as_str().into(), cve.into(), (*import).into()];
        rows.extend(tx.query(&sql, &values).await?.iter().map(read).collect::<Result<Vec<_>>>()?);
    }
    resolve(tx, scope, rows).await
}

type Numbers = (i64, [i64; 7]);

fn read(row: &Row) -> Result<Numbers> {
    let mut numbers = [0; 7];
    for (at, number) in numbers.iter_mut().enumerate() {
        *number = row.get(at + 1)?;
    }
    Ok((row.get(0)?, numbers))
}

async fn resolve(tx: &mut Tx, scope: Scope<'_>, rows: Vec<Numbers>) -> Result<Vec<(i64, Statement)>> {
    let ids: BTreeSet<i64> = rows
        .iter()
        .flat_map(|(_, [subject, _, rest @ ..])| std::iter::once(*subject).chain(*rest))
        .filter(|id| *id != NONE)
        .collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    let texts: BTreeMap<i64, Arc<str>> =
        ids.iter().copied().zip(strings::resolve(tx, scope, &ids).await?).collect();
    let text = |id: i64| texts.get(&id).map(|text| text.to_string());
    let statement = |(import, [subject, kind, distribution, cve, introduced, fixed, severity]): Numbers| {
        let subject = subject_of(kind, text(subject).unwrap_or_default())?;
        let statement = Statement {
            cve_id: text(cve).unwrap_or_default(),
            distribution: text(distribution).unwrap_or_default(),
            subject,
            introduced: text(introduced),
            fixed: text(fixed),
            severity: text(severity).unwrap_or_default(),
        };
        Ok((import, statement))
    };
    rows.into_iter().map(statement).collect()
}
