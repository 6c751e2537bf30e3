//! The shape of a cause. Which causes there are stands in the modules beside this one.

/// One reason, with what proves it and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// `S4`, `N1`: stable, for programs.
    pub id: &'static str,
    pub severity: CauseSeverity,
    pub headline: String,
    /// Whole, however many items are listed.
    pub items: Vec<CauseItem>,
    pub evidence: Vec<Evidence>,
    pub remedy: Remedy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CauseSeverity {
    Info,
    Warning,
    Error,
}

impl CauseSeverity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

/// One package, or one of whatever the cause is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CauseItem {
    pub name: String,
    pub arch: String,
    pub state: String,
    pub installed_version: String,
    pub fix_version: String,
    /// The suite that offers the fix.
    pub repository: String,
    /// One fact per line.
    pub proof: Vec<String>,
    pub remedy: String,
}

/// A value that can be looked up with the public API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub field: &'static str,
    pub value: String,
    /// The operation that shows the field.
    pub source: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remedy {
    pub text: String,
    /// What of it a console can open; each cause names one.
    pub action: Option<RemedyAction>,
    /// Empty when there is nothing to paste.
    pub command: String,
}

/// The first step of a remedy, by what is done and to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemedyAction {
    /// The node, by the baseline that applies now.
    Scan,
    Install,
    /// The node.
    Restart,
    /// The commands of the items, or what only a person at the node knows.
    RunOnNode,
    /// Of the run that the evidence names.
    ReadOutput,
    ChangeBaseline,
    /// For the node's patch group.
    ChooseBaseline,
    ReviewAssociations,
    ReviewComplianceItems,
    CheckAgent,
    Enrol,
}

impl RemedyAction {
    pub const ALL: [Self; 11] = [
        Self::Scan,
        Self::Install,
        Self::Restart,
        Self::RunOnNode,
        Self::ReadOutput,
        Self::ChangeBaseline,
        Self::ChooseBaseline,
        Self::ReviewAssociations,
        Self::ReviewComplianceItems,
        Self::CheckAgent,
        Self::Enrol,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "SCAN",
            Self::Install => "INSTALL",
            Self::Restart => "RESTART",
            Self::RunOnNode => "RUN_ON_NODE",
            Self::ReadOutput => "READ_OUTPUT",
            Self::ChangeBaseline => "CHANGE_BASELINE",
            Self::ChooseBaseline => "CHOOSE_BASELINE",
            Self::ReviewAssociations => "REVIEW_ASSOCIATIONS",
            Self::ReviewComplianceItems => "REVIEW_COMPLIANCE_ITEMS",
            Self::CheckAgent => "CHECK_AGENT",
            Self::Enrol => "ENROL",
        }
    }
}

impl Cause {
    pub(super) fn new(id: &'static str, severity: CauseSeverity, headline: impl Into<String>) -> Self {
        let (items, evidence) = (Vec::new(), Vec::new());
        Self { id, severity, headline: headline.into(), items, evidence, remedy: Remedy::default() }
    }

    pub(super) fn items(mut self, items: Vec<CauseItem>) -> Self {
        self.items = items;
        self
    }

    pub(super) fn evidence(
        mut self,
        source: &'static str,
        field: &'static str,
        value: impl ToString,
    ) -> Self {
        self.evidence.push(Evidence { field, value: value.to_string(), source });
        self
    }

    pub(super) fn remedy(mut self, action: RemedyAction, text: impl Into<String>) -> Self {
        self.remedy.action = Some(action);
        self.remedy.text = text.into();
        self
    }

    pub(super) fn command(mut self, command: impl Into<String>) -> Self {
        self.remedy.command = command.into();
        self
    }
}

/// `1 patch`, `3 patches`.
pub(super) fn counted(count: i64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

/// `3 days`, `5 hours`, `2 minutes`.
pub(super) fn age_in_words(seconds: i64) -> String {
    match seconds {
        172_800.. => counted(seconds / 86_400, "day", "days"),
        7_200.. => counted(seconds / 3600, "hour", "hours"),
        120.. => counted(seconds / 60, "minute", "minutes"),
        _ => counted(seconds.max(0), "second", "seconds"),
    }
}
