//! Why a node has the status it has.

use api::fettle::{
    Cause, CauseItem, CauseSeverity, ExplainNodeComplianceResponse, NodeComplianceStatus, PatchRun,
};

use super::report::baseline;
use super::table::Table;
use super::{Style, Tone, age, clean, or_unknown};

pub fn render(answer: &ExplainNodeComplianceResponse, style: Style) -> String {
    let mut out = head(answer, style);
    if answer.causes.is_empty() && answer.status == NodeComplianceStatus::Compliant {
        out.push_str("\n  Nothing speaks against this status.\n");
    }
    for (number, cause) in answer.causes.iter().enumerate() {
        out.push('\n');
        out.push_str(&render_cause(number + 1, cause, style));
    }
    runs(&mut out, answer, style);
    out
}

fn head(answer: &ExplainNodeComplianceResponse, style: Style) -> String {
    let (tone, status) = match &answer.status {
        NodeComplianceStatus::Compliant => (Tone::Good, "COMPLIANT"),
        NodeComplianceStatus::NonCompliant => (Tone::Bad, "NON-COMPLIANT"),
        NodeComplianceStatus::Unknown(_) | NodeComplianceStatus::UnknownValue => (Tone::Warning, "UNKNOWN"),
    };
    let mut out = format!("{}: {}\n", clean(&answer.instance_id), style.paint(tone, status));
    let captured = match (answer.captured_at, answer.age_seconds) {
        (Some(at), Some(seconds)) => format!("report of {} ({})", at.to_iso_seconds(), age::ago(seconds)),
        (Some(at), None) => format!("report of {}", at.to_iso_seconds()),
        _ => "there is no report".to_owned(),
    };
    let old = if answer.stale == Some(true) {
        style.paint(Tone::Warning, ", too old to be trusted")
    } else {
        String::new()
    };
    out.push_str(&format!("  Data      {captured}{old}\n"));
    if answer.baseline.is_some() {
        let (text, because) = baseline(answer.baseline.as_ref());
        out.push_str(&format!("  Baseline  {text}\n"));
        if let Some(because) = because {
            out.push_str(&format!("            {because}\n"));
        }
    }
    out
}

fn render_cause(number: usize, cause: &Cause, style: Style) -> String {
    let (tone, word) = match cause.severity {
        CauseSeverity::Error => (Tone::Bad, "error"),
        CauseSeverity::Warning => (Tone::Warning, "warning"),
        CauseSeverity::Info | CauseSeverity::Unknown(_) => (Tone::Heading, "note"),
    };
    let headline = clean(&cause.headline);
    let mut out = format!("{number}. {} [{word}, {}]\n", style.paint(tone, &headline), clean(&cause.id));
    let items = cause.items.as_deref().unwrap_or_default();
    for item in items {
        out.push_str(&render_item(item));
    }
    let all = usize::try_from(cause.count.unwrap_or(0)).unwrap_or(0);
    if all > items.len() && !items.is_empty() {
        out.push_str(&format!("   - and {} more\n", all - items.len()));
    }
    for evidence in cause.evidence.as_deref().unwrap_or_default() {
        let source = evidence.source.as_deref().map(|source| format!(", see {}", clean(source)));
        let source = source.unwrap_or_default();
        out.push_str(&format!(
            "   shown by {} = {}{source}\n",
            clean(&evidence.field),
            clean(&evidence.value)
        ));
    }
    if let Some(remedy) = &cause.remedy {
        if let Some(text) = &remedy.text {
            out.push_str(&format!("   What to do: {}\n", clean(text)));
        }
        if let Some(command) = &remedy.command {
            out.push_str(&format!("     {}\n", clean(command)));
        }
    }
    out
}

fn render_item(item: &CauseItem) -> String {
    let arch = item.arch.as_deref().map(|arch| format!(":{}", clean(arch))).unwrap_or_default();
    let name = format!("{}{arch}", or_unknown(item.name.as_deref().or(item.title.as_deref())));
    let versions = match (item.installed_version.as_deref(), item.fix_version.as_deref()) {
        (Some(installed), Some(fix)) => format!(" {} -> {}", clean(installed), clean(fix)),
        (Some(version), None) | (None, Some(version)) => format!(" {}", clean(version)),
        (None, None) => String::new(),
    };
    let state = item.state.as_deref().map(|state| format!(" {}", clean(state))).unwrap_or_default();
    let from = item.repository.as_deref().map(|from| format!(" from {}", clean(from))).unwrap_or_default();
    let mut out = format!("   - {name}{versions}{state}{from}\n");
    for proof in item.proof.as_deref().unwrap_or_default() {
        out.push_str(&format!("       {}\n", clean(proof)));
    }
    if let Some(remedy) = &item.remedy {
        out.push_str(&format!("       do: {}\n", clean(remedy)));
    }
    out
}

fn runs(out: &mut String, answer: &ExplainNodeComplianceResponse, style: Style) {
    if answer.last_runs.is_empty() {
        return;
    }
    out.push_str(&format!("\n{}\n", style.paint(Tone::Heading, "Last patch runs")));
    let mut table = Table::new(&["REQUESTED", "OPERATION", "STATUS", "COMMAND"]);
    for run in &answer.last_runs {
        table.row([
            run.requested_at.map_or_else(|| "-".to_owned(), |at| at.to_iso_seconds()),
            or_unknown(run.operation.as_ref().map(|operation| operation.as_str())),
            run_status(run),
            or_unknown(run.command_id.as_deref()),
        ]);
    }
    out.push_str(&table.render("  "));
}

fn run_status(run: &PatchRun) -> String {
    let status = or_unknown(run.status.as_deref());
    match run.status_details.as_deref() {
        Some(details) if !details.is_empty() && details != status => format!("{status} ({})", clean(details)),
        _ => status,
    }
}
