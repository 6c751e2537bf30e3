//! Which kinds of things this process has changed in the database: told after each commit, for pages that look again. Kinds
//! alone, so that it costs nothing to tell and takes no room, however much is written.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::touched::Listeners;

/// What pages are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    Activations,
    AdvisoryFeeds,
    Associations,
    Automations,
    Baselines,
    Commands,
    Compliance,
    Documents,
    Nodes,
    /// Policies of parameters that were carried out: somebody was to be told, or the parameter has expired.
    ParameterPolicies,
    Parameters,
    PatchNow,
    QuickSetup,
    ResourceGroups,
    Rollouts,
    Users,
    Windows,
}

/// Tables by the beginnings of their names; the longest that fits counts.
const TABLES: [(&str, &[Topic]); 26] = [
    ("activations", &[Topic::Activations]),
    ("advisory_imports", &[Topic::AdvisoryFeeds]),
    ("associations", &[Topic::Associations]),
    ("association_executions", &[Topic::Associations, Topic::PatchNow]),
    ("association_nodes", &[Topic::Associations, Topic::PatchNow]),
    ("automation", &[Topic::Automations]),
    ("baselines", &[Topic::Baselines]),
    ("default_baselines", &[Topic::Baselines]),
    ("patch_groups", &[Topic::Baselines]),
    ("commands", &[Topic::Commands]),
    ("invocations", &[Topic::Commands]),
    ("step_results", &[Topic::Commands]),
    ("node_patch_states", &[Topic::Compliance]),
    ("compliance_summaries", &[Topic::Compliance]),
    ("documents", &[Topic::Documents]),
    ("document_", &[Topic::Documents]),
    ("nodes", &[Topic::Nodes]),
    // A statement does not say whose tags they are.
    ("tags", &[Topic::Nodes, Topic::Parameters, Topic::ResourceGroups]),
    ("parameter", &[Topic::Parameters]),
    ("quick_setup", &[Topic::QuickSetup]),
    ("resource_group", &[Topic::ResourceGroups]),
    ("rollouts", &[Topic::Rollouts]),
    ("patch_policy_rollouts", &[Topic::QuickSetup]),
    ("users", &[Topic::Users]),
    ("maintenance_window", &[Topic::Windows]),
    ("window", &[Topic::Windows]),
];

impl Topic {
    pub const ALL: [Self; 17] = [
        Self::Activations,
        Self::AdvisoryFeeds,
        Self::Associations,
        Self::Automations,
        Self::Baselines,
        Self::Commands,
        Self::Compliance,
        Self::Documents,
        Self::Nodes,
        Self::ParameterPolicies,
        Self::Parameters,
        Self::PatchNow,
        Self::QuickSetup,
        Self::ResourceGroups,
        Self::Rollouts,
        Self::Users,
        Self::Windows,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Activations => "activations",
            Self::AdvisoryFeeds => "advisory-feeds",
            Self::Associations => "associations",
            Self::Automations => "automations",
            Self::Baselines => "baselines",
            Self::Commands => "commands",
            Self::Compliance => "compliance",
            Self::Documents => "documents",
            Self::Nodes => "nodes",
            Self::ParameterPolicies => "parameter-policies",
            Self::Parameters => "parameters",
            Self::PatchNow => "patch-now",
            Self::QuickSetup => "quick-setup",
            Self::ResourceGroups => "resource-groups",
            Self::Rollouts => "rollouts",
            Self::Users => "users",
            Self::Windows => "windows",
        }
    }
}

/// Some topics, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Topics(u32);

impl Topics {
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn add(&mut self, more: Self) {
        self.0 |= more.0;
    }

    pub fn iter(self) -> impl Iterator<Item = Topic> {
        Topic::ALL.into_iter().filter(move |topic| self.0 & 1 << *topic as u16 != 0)
    }

    /// For the word to other servers, and back. What is not known is of another release.
    pub fn to_text(self) -> String {
        self.iter().map(Topic::as_str).collect::<Vec<_>>().join(" ")
    }

    pub fn from_text(text: &str) -> Self {
        let named =
            text.split(' ').filter_map(|name| Topic::ALL.into_iter().find(|topic| topic.as_str() == name));
        named.collect()
    }

    /// What a statement writes about. Statements that only read write nothing.
    pub(crate) fn written_by(sql: &str) -> Self {
        let mut words =
            sql.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
        let table = match words.next() {
            Some("INSERT" | "DELETE") => words.nth(1),
            Some("UPDATE") => words.next(),
            _ => None,
        };
        let Some(table) = table else { return Self::default() };
        let fitting = TABLES.iter().filter(|(name, _)| table.starts_with(name));
        let longest = fitting.max_by_key(|(name, _)| name.len());
        longest.into_iter().flat_map(|(_, topics)| topics.iter().copied()).collect()
    }
}

impl FromIterator<Topic> for Topics {
    fn from_iter<I: IntoIterator<Item = Topic>>(topics: I) -> Self {
        Self(topics.into_iter().fold(0, |bits, topic| bits | 1 << topic as u16))
    }
}

/// Of one process, since somebody last asked.
#[derive(Debug, Default)]
pub struct Changes {
    topics: Mutex<Topics>,
    told: Notify,
    pub(crate) listeners: Listeners,
}

impl Changes {
    pub(crate) fn add(&self, topics: Topics) {
        if !topics.is_empty() {
            self.topics.lock().unwrap_or_else(PoisonError::into_inner).add(topics);
            self.told.notify_one();
        }
    }

    /// Waits until there are some.
    pub async fn next(&self) -> Topics {
        loop {
            let topics = self.take();
            if !topics.is_empty() {
                return topics;
            }
            self.told.notified().await;
        }
    }

    /// Those that came since the last time.
    pub fn take(&self) -> Topics {
        std::mem::take(&mut *self.topics.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_statements_are_about() {
        let rows = [
            ("INSERT INTO commands (account) VALUES ($1)", "commands"),
            ("UPDATE invocations SET status = $1", "commands"),
            ("DELETE FROM tags WHERE account = $1", "nodes parameters resource-groups"),
            ("UPDATE activations SET registrations_count = 1", "activations"),
            ("INSERT INTO resource_groups (account) VALUES ($1)", "resource-groups"),
            ("DELETE FROM resource_group_members WHERE node_id = $3", "resource-groups"),
            ("UPDATE advisory_imports SET imported_at = $4", "advisory-feeds"),
            // Of a feed in force nothing is seen to change while its rows come and go.
            ("DELETE FROM advisory_statements WHERE account = $1", ""),
            ("INSERT INTO parameters (account) VALUES ($1)", "parameters"),
            ("UPDATE parameter_versions SET policies = $5", "parameters"),
            ("DELETE FROM parameter_labels WHERE account = $1", "parameters"),
            ("INSERT INTO association_executions (a) VALUES ($1)", "associations patch-now"),
            ("UPDATE associations SET a = $1", "associations"),
            ("INSERT INTO node_patch_states (account) VALUES ($1)", "compliance"),
            ("INSERT INTO automations (account) VALUES ($1)", "automations"),
            ("UPDATE rollouts SET standing = $4", "rollouts"),
            ("INSERT INTO quick_setup_managers (account) VALUES ($1)", "quick-setup"),
            ("DELETE FROM patch_policy_rollouts WHERE account = $1", "quick-setup"),
            ("INSERT INTO node_messages (account) VALUES ($1)", ""),
            ("SELECT a FROM commands", ""),
            ("", ""),
        ];
        for (sql, expected) in rows {
            assert_eq!(Topics::written_by(sql).to_text(), expected, "{sql}");
        }
        let all: Topics = Topic::ALL.into_iter().collect();
        assert_eq!(Topics::from_text(&all.to_text()), all);
        assert_eq!(Topics::from_text("nodes of another release").to_text(), "nodes");
    }

    #[tokio::test]
    async fn what_was_told_is_taken_once() {
        let changes = Changes::default();
        changes.add([Topic::Nodes].into_iter().collect());
        changes.add([Topic::Users].into_iter().collect());
        changes.add(Topics::default());
        assert_eq!(changes.next().await.to_text(), "nodes users");
        assert!(changes.take().is_empty());
    }
}
