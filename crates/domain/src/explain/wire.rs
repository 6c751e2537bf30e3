//! Explanations as the extension's operation answers them.

use api::fettle;

use crate::compliance::ComplianceStatus;

use super::{Cause, CauseItem, Explanation, PatchRun, Situation, Staleness};

impl Explanation {
    /// At most `max_items` items are listed per cause; counts stay whole.
    pub fn to_response(
        &self,
        situation: &Situation<'_>,
        max_items: usize,
    ) -> fettle::ExplainNodeComplianceResponse {
        let status = self.status.map_or("UNKNOWN", ComplianceStatus::as_str);
        fettle::ExplainNodeComplianceResponse {
            instance_id: situation.node.id.to_string(),
            status: status.into(),
            captured_at: self.captured_at,
            age_seconds: self.age_seconds,
            stale: self.captured_at.map(|_| self.staleness == Staleness::Stale),
            baseline: situation.baseline.map(|choice| choice.to_wire()),
            causes: self.causes.iter().map(|cause| cause.to_wire(max_items)).collect(),
            last_runs: situation.runs.iter().map(PatchRun::to_wire).collect(),
        }
    }
}

impl Cause {
    fn to_wire(&self, max_items: usize) -> fettle::Cause {
        let evidence = self.evidence.iter().map(|evidence| fettle::Evidence {
            field: evidence.field.to_owned(),
            value: evidence.value.clone(),
            source: Some(evidence.source.to_owned()),
        });
        fettle::Cause {
            id: self.id.to_owned(),
            severity: self.severity.as_str().into(),
            headline: self.headline.clone(),
            count: (!self.items.is_empty()).then(|| i32::try_from(self.items.len()).unwrap_or(i32::MAX)),
            items: Some(self.items.iter().take(max_items).map(CauseItem::to_wire).collect()),
            evidence: Some(evidence.collect()),
            remedy: Some(fettle::Remedy {
                text: Some(self.remedy.text.clone()),
                command: some_text(&self.remedy.command),
                action: self.remedy.action.map(|action| action.as_str().into()),
            }),
        }
    }
}

impl CauseItem {
    fn to_wire(&self) -> fettle::CauseItem {
        let title = match self.arch.is_empty() {
            true => self.name.clone(),
            false => format!("{}.{}", self.name, self.arch),
        };
        fettle::CauseItem {
            name: some_text(&self.name),
            arch: some_text(&self.arch),
            title: some_text(&title),
            state: some_text(&self.state),
            installed_version: some_text(&self.installed_version),
            fix_version: some_text(&self.fix_version),
            repository: some_text(&self.repository),
            proof: Some(self.proof.clone()),
            remedy: some_text(&self.remedy),
        }
    }
}

impl PatchRun {
    fn to_wire(&self) -> fettle::PatchRun {
        fettle::PatchRun {
            command_id: Some(self.command_id.to_string()),
            document_name: Some(self.document_name.clone()),
            status: Some(self.status.as_status_str().to_owned()),
            status_details: Some(self.status.as_str().to_owned()),
            requested_at: Some(self.requested_at),
            operation: self.operation().map(|operation| operation.as_str().into()),
        }
    }
}

fn some_text(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}
