//! The notices of imports: which versions they announce, text by interned number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::advisory::{Announcement, Subject};

use super::kind::{kind_of, subject_of};
use crate::clause::placeholders;
use crate::{Result, Row, Scope, Store, StoreError, Tx, Value, strings};

/// Rows per statement, and subjects per question.
const CHUNK: usize = 64;
const COLUMNS: &str = "import_id, subject, kind, distribution, version, advisory";

/// Notices whose texts have numbers.
#[derive(Debug)]
pub struct NumberedNotices(Vec<[i64; 5]>);

/// Numbers the texts of notices. Opens transactions of its own: the caller holds none.
pub async fn number_notices(
    store: &Store,
    scope: Scope<'_>,
    notices: &[Announcement],
) -> Result<NumberedNotices> {
    let texts: BTreeSet<&str> = notices.iter().flat_map(texts_of).collect();
    let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
    let ids = strings::intern(store, scope, &texts).await?;
    let known: BTreeMap<&str, i64> = texts.iter().map(String::as_str).zip(ids).collect();
    let id = |text: &str| {
        known.get(text).copied().ok_or_else(|| StoreError::Corrupt(format!("`{text}` has no number")))
    };
    let row = |notice: &Announcement| {
        let [subject, distribution, version, advisory] = texts_of(notice).map(id);
        Ok([subject?, kind_of(&notice.subject), distribution?, version?, advisory?])
    };
    Ok(NumberedNotices(notices.iter().map(row).collect::<Result<_>>()?))
}

fn texts_of(notice: &Announcement) -> [&str; 4] {
    [notice.subject.name(), &notice.distribution, &notice.version, &notice.advisory_id]
}

/// Adds them to an import; one that is there is passed over. How many were new.
pub async fn insert_notices(
    tx: &mut Tx,
    (account, region): Scope<'_>,
    import: i64,
    notices: &NumberedNotices,
) -> Result<u64> {
    let mut new = 0;
    for chunk in notices.0.chunks(CHUNK) {
        let rows: Vec<String> = (0..chunk.len())
            .map(|row| {
                let cells: Vec<String> = (0..5).map(|cell| format!("${}", 4 + row * 5 + cell)).collect();
                format!("($1, $2, $3, {})", cells.join(", "))
            })
            .collect();
        let sql = format!(
            "INSERT INTO advisory_notices (account, region, {COLUMNS}) VALUES {}
            ON CONFLICT (account, region, import_id, subject, kind, distribution, version, advisory)
            DO NOTHING",
            rows.join(", ")
        );
        let mut values: Vec<Value<'_>> = vec![account.as_str().into(), region.as_str().into(), import.into()];
        values.extend(chunk.iter().flatten().map(|number| Value::from(*number)));
        new += tx.execute(&sql, &values).await?;
    }
    Ok(new)
}

/// Which versions of these subjects are announced in these imports, with the import that says it. Primary key order.
pub async fn notices_of_subjects(
    tx: &mut Tx,
    scope: Scope<'_>,
    imports: &[i64],
    subjects: &BTreeSet<Subject>,
) -> Result<Vec<(i64, Announcement)>> {
    let names: BTreeSet<&str> = subjects.iter().map(Subject::name).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let ids: Vec<i64> = strings::known(tx, scope, &names).await?.into_values().collect();
    let mut rows = Vec::new();
    for import in imports {
        for chunk in ids.chunks(CHUNK) {
            let sql = format!(
                "SELECT {COLUMNS} FROM advisory_notices
                WHERE account = $1 AND region = $2 AND import_id = $3 AND subject IN ({})",
                placeholders(4, chunk.len())
            );
            let mut values = vec![scope.0.as_str().into(), scope.1.as_str().into(), (*import).into()];
            values.extend(chunk.iter().map(|id| Value::from(*id)));
            rows.extend(tx.query(&sql, &values).await?.iter().map(read).collect::<Result<Vec<_>>>()?);
        }
    }
    let mut found = resolve(tx, scope, rows).await?;
    found.retain(|(_, notice)| subjects.contains(&notice.subject));
    Ok(found)
}

type Numbers = (i64, [i64; 5]);

fn read(row: &Row) -> Result<Numbers> {
    let mut numbers = [0; 5];
    for (at, number) in numbers.iter_mut().enumerate() {
        *number = row.get(at + 1)?;
    }
    Ok((row.get(0)?, numbers))
}

async fn resolve(tx: &mut Tx, scope: Scope<'_>, rows: Vec<Numbers>) -> Result<Vec<(i64, Announcement)>> {
    let texts_of_row = |(_, [subject, _, rest @ ..]): &Numbers| std::iter::once(*subject).chain(*rest);
    let ids: BTreeSet<i64> = rows.iter().flat_map(texts_of_row).collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    let texts: BTreeMap<i64, Arc<str>> =
        ids.iter().copied().zip(strings::resolve(tx, scope, &ids).await?).collect();
    let text = |id: i64| texts.get(&id).map(|text| text.to_string()).unwrap_or_default();
    let notice = |(import, [subject, kind, distribution, version, advisory]): Numbers| {
        let notice = Announcement {
            advisory_id: text(advisory),
            distribution: text(distribution),
            subject: subject_of(kind, text(subject))?,
            version: text(version),
        };
        Ok((import, notice))
    };
    rows.into_iter().map(notice).collect()
}
