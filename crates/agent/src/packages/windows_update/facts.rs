//! From what Windows Update knows to facts: one per update, and one per installed update that only its history still
//! names. Judging them is `domain::patch`'s. Source: spec patch-manager 2.5.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use domain::facts::{UpdateFact, UpdateStatus};
use regex::Regex;

use super::agent::{HistoryEntry, Operation, RestartBehaviour, Update};
use super::categories;

static KB: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\bKB(\d{6,8})\b").expect("the pattern is a constant and tested"));

/// Sorted by id. `history` is newest first.
pub fn update_facts(updates: &[Update], history: &[HistoryEntry]) -> Vec<UpdateFact> {
    let installed_at = Latest::of(history);
    let mut facts: BTreeMap<String, UpdateFact> = BTreeMap::new();
    for update in updates {
        // Of several revisions, the one that is installed or, among equals, the newest says more.
        let fact = fact_of(update, &installed_at);
        let rank = |status: UpdateStatus| u8::from(status == UpdateStatus::Installed);
        match facts.get(&fact.id) {
            Some(known) if rank(known.status) > rank(fact.status) => {}
            _ => drop(facts.insert(fact.id.clone(), fact)),
        }
    }
    for entry in installed_at.gone_from(&facts) {
        facts.insert(entry.id.clone(), historic(entry));
    }
    facts.into_values().collect()
}

fn fact_of(update: &Update, installed_at: &Latest<'_>) -> UpdateFact {
    let (products, product_families) = categories::products(update);
    let kb_ids = article_ids(update);
    let mut bundled_kb_ids = kb_ids_of(&update.bundled_kb_article_ids);
    bundled_kb_ids.retain(|kb| !kb_ids.contains(kb));
    let status = match (update.is_installed || update.awaits_restart, update.is_hidden) {
        (true, _) => UpdateStatus::Installed,
        (false, true) => UpdateStatus::Hidden,
        (false, false) => UpdateStatus::Applicable,
    };
    UpdateFact {
        id: update.key.id.to_ascii_lowercase(),
        title: update.title.clone(),
        kb_ids,
        bundled_kb_ids,
        bulletin_ids: sorted(update.bulletin_ids.clone()),
        version: String::new(),
        installed_version: None,
        classification: categories::classification(update),
        severity: update.msrc_severity.clone(),
        products,
        product_families,
        released_at: update.deployed_at,
        cve_ids: sorted(update.cve_ids.clone()),
        supersedes: sorted(update.superseded_ids.iter().map(|id| id.to_ascii_lowercase()).collect()),
        status,
        installed_at: match status {
            UpdateStatus::Installed => installed_at.of_id(&update.key.id).and_then(|e| e.installed_at),
            UpdateStatus::Applicable | UpdateStatus::Hidden => None,
        },
        awaits_restart: update.awaits_restart,
        may_restart: update.restart != RestartBehaviour::Never,
        download_bytes: (update.download_bytes > 0).then_some(update.download_bytes),
    }
}

/// WUA no longer lists it (superseded, or of another service), but it was installed here.
fn historic(entry: &HistoryEntry) -> UpdateFact {
    UpdateFact {
        id: entry.id.to_ascii_lowercase(),
        title: entry.title.clone(),
        kb_ids: kb_ids(&[], &entry.title),
        status: UpdateStatus::Installed,
        installed_at: entry.installed_at,
        ..UpdateFact::default()
    }
}

/// Of the update itself: `KB5031364`. Sorted.
pub fn article_ids(update: &Update) -> Vec<String> {
    kb_ids(&update.kb_article_ids, &update.title)
}

/// `KB` before the digits; from the title where WUA names no article. Sorted.
fn kb_ids(articles: &[String], title: &str) -> Vec<String> {
    match kb_ids_of(articles) {
        found if found.is_empty() => {
            sorted(KB.captures_iter(title).map(|found| format!("KB{}", &found[1])).collect())
        }
        found => found,
    }
}

fn kb_ids_of(articles: &[String]) -> Vec<String> {
    let digits =
        |text: &String| text.trim().trim_start_matches(['K', 'k']).trim_start_matches(['B', 'b']).to_owned();
    sorted(
        articles.iter().map(digits).filter(|text| !text.is_empty()).map(|text| format!("KB{text}")).collect(),
    )
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts.dedup();
    texts
}

/// The newest successful entry of each update.
struct Latest<'a>(BTreeMap<String, &'a HistoryEntry>);

impl<'a> Latest<'a> {
    fn of(history: &'a [HistoryEntry]) -> Self {
        let mut newest = BTreeMap::new();
        for entry in history.iter().filter(|entry| entry.succeeded()) {
            newest.entry(entry.id.to_ascii_lowercase()).or_insert(entry);
        }
        Self(newest)
    }

    fn of_id(&self, id: &str) -> Option<&'a HistoryEntry> {
        let entry = self.0.get(&id.to_ascii_lowercase()).copied();
        entry.filter(|entry| entry.operation == Operation::Installation)
    }

    /// Installed KBs that no listed update bears. Definition updates come several a day and bear one KB for ever.
    fn gone_from(&self, listed: &BTreeMap<String, UpdateFact>) -> Vec<&'a HistoryEntry> {
        let mut borne: BTreeSet<String> = listed.values().flat_map(|fact| fact.kb_ids.clone()).collect();
        let mut entries: Vec<&HistoryEntry> = self.0.values().copied().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.installed_at));
        let mut gone = vec![];
        for entry in entries {
            let kbs = kb_ids(&[], &entry.title);
            let is_new = !listed.contains_key(&entry.id.to_ascii_lowercase())
                && entry.operation == Operation::Installation
                && kbs.iter().any(|kb| !borne.contains(kb));
            if is_new {
                borne.extend(kbs);
                gone.push(entry);
            }
        }
        gone
    }
}

impl HistoryEntry {
    pub fn succeeded(&self) -> bool {
        use super::agent::ResultCode::{Succeeded, SucceededWithErrors};
        matches!(self.code, Succeeded | SucceededWithErrors)
    }
}

#[cfg(test)]
mod tests {
    use api::Timestamp;

    use super::super::agent::{ResultCode, UpdateKey};
    use super::super::fake::{entry, update};
    use super::*;

    #[test]
    fn an_update_becomes_a_fact() {
        let mut cumulative = update("AA11", "2023-10 Cumulative Update for Windows Server 2019 (KB5031361)");
        cumulative.kb_article_ids = vec!["5031361".into()];
        cumulative.bundled_kb_article_ids = vec!["5031361".into(), "5030505".into()];
        cumulative.superseded_ids = vec!["BB22".into()];
        cumulative.cve_ids = vec!["CVE-2023-2".into(), "CVE-2023-1".into()];
        cumulative.msrc_severity = "Critical".into();
        cumulative.deployed_at = Some(Timestamp::from_seconds(1_696_957_200));
        let facts = update_facts(&[cumulative], &[]);
        let fact = &facts[0];
        assert_eq!((fact.id.as_str(), fact.status), ("aa11", UpdateStatus::Applicable));
        assert_eq!(fact.kb_ids, ["KB5031361"]);
        assert_eq!(fact.bundled_kb_ids, ["KB5030505"]);
        assert_eq!(fact.supersedes, ["bb22"]);
        assert_eq!(fact.cve_ids, ["CVE-2023-1", "CVE-2023-2"]);
        assert_eq!(fact.classification, "SecurityUpdates");
        assert_eq!(fact.products, ["WindowsServer2019"]);
        assert!(fact.may_restart && !fact.awaits_restart);
        assert_eq!(fact.installed_at, None);
    }

    #[test]
    fn what_was_installed_says_when() {
        let mut done = update("aa11", "One (KB1234567)");
        done.is_installed = true;
        let history = [
            entry("AA11", "One (KB1234567)", 200, ResultCode::Succeeded),
            entry("AA11", "One (KB1234567)", 100, ResultCode::Succeeded),
        ];
        let facts = update_facts(&[done], &history);
        assert_eq!(facts[0].installed_at, Some(Timestamp::from_seconds(200)));
        assert_eq!(facts.len(), 1);
    }

    #[test]
    fn history_names_what_the_search_no_longer_does() {
        let mut removed = entry("ee55", "Removed (KB5555555)", 300, ResultCode::Succeeded);
        removed.operation = Operation::Uninstallation;
        let history = [
            removed,
            entry("ee55", "Removed (KB5555555)", 250, ResultCode::Succeeded),
            entry("bb22", "Superseded (KB2222222)", 200, ResultCode::Succeeded),
            entry("cc33", "Failed (KB3333333)", 150, ResultCode::Failed),
            entry("dd44", "Definitions, version 2 (KB2267602)", 140, ResultCode::Succeeded),
            entry("dd45", "Definitions, version 1 (KB2267602)", 130, ResultCode::Succeeded),
            entry("ff66", "No article", 120, ResultCode::Succeeded),
        ];
        let facts = update_facts(&[], &history);
        let found: Vec<_> = facts.iter().map(|f| (f.id.as_str(), f.kb_ids.join(","))).collect();
        assert_eq!(found, [("bb22", "KB2222222".to_owned()), ("dd44", "KB2267602".to_owned())]);
        assert!(facts.iter().all(|fact| fact.status == UpdateStatus::Installed));
    }

    #[test]
    fn hidden_and_half_done_updates_say_so() {
        let mut hidden = update("aa11", "Hidden");
        hidden.is_hidden = true;
        let mut waiting = update("bb22", "Waiting");
        waiting.awaits_restart = true;
        let facts = update_facts(&[hidden, waiting], &[]);
        assert_eq!(facts[0].status, UpdateStatus::Hidden);
        assert_eq!((facts[1].status, facts[1].awaits_restart), (UpdateStatus::Installed, true));
    }

    #[test]
    fn articles_are_found_in_titles_too() {
        let rows = [
            (vec!["5031361"], "x", "KB5031361"),
            (vec!["KB5031361"], "x", "KB5031361"),
            (vec![], "2023-10 (kb5031361) for x64", "KB5031361"),
            (vec![], "Intel - net - 1.2.3", ""),
        ];
        for (articles, title, expected) in rows {
            let articles: Vec<String> = articles.into_iter().map(str::to_owned).collect();
            assert_eq!(kb_ids(&articles, title).join(","), expected);
        }
    }

    #[test]
    fn two_revisions_are_one_update() {
        let mut old = update("aa11", "Old");
        old.is_installed = true;
        let mut new = update("aa11", "New");
        new.key = UpdateKey { id: "aa11".into(), revision: 2 };
        let facts = update_facts(&[old, new], &[]);
        assert_eq!((facts.len(), facts[0].title.as_str()), (1, "Old"));
    }
}
