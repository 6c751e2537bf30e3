//! What `/metrics` shows, in Prometheus' text form.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// From a tenth of a millisecond to some ten seconds.
const SECONDS: [f64; 11] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    pub operation: String,
    /// `ok`, or the error code that was answered.
    pub outcome: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OperationLabel {
    pub operation: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct JobLabels {
    pub job: &'static str,
    /// `ok` or `failed`.
    pub outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct JobLabel {
    pub job: &'static str,
}

pub struct Metrics {
    registry: Registry,
    jobs: Family<JobLabels, Counter>,
    job_changes: Family<JobLabel, Counter>,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<OperationLabel, Histogram, fn() -> Histogram>,
    /// Nodes with an open control channel on this server.
    pub control_channels: Gauge<i64, std::sync::atomic::AtomicI64>,
    /// Transactions run again because they met a concurrent one.
    pub conflicts: Counter<u64, AtomicU64>,
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("fettle");
        let requests = Family::default();
        registry.register("requests", "Requests by operation and outcome", requests.clone());
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let seconds = Family::new_with_constructor(histogram);
        registry.register("request_seconds", "Time to answer, by operation", seconds.clone());
        let control_channels = Gauge::default();
        registry.register("control_channels", "Open control channels", control_channels.clone());
        let conflicts = Counter::default();
        registry.register("store_conflicts", "Transactions run again", conflicts.clone());
        let jobs = Family::default();
        registry.register("job_runs", "Runs of background jobs", jobs.clone());
        let job_changes = Family::default();
        registry.register("job_changes", "Rows that background jobs changed or deleted", job_changes.clone());
        Self { registry, jobs, job_changes, requests, seconds, control_channels, conflicts }
    }

    pub fn request(&self, operation: &str, outcome: &str, took: Duration) {
        let labels = RequestLabels { operation: operation.into(), outcome: outcome.into() };
        self.requests.get_or_create(&labels).inc();
        let label = OperationLabel { operation: operation.into() };
        self.seconds.get_or_create(&label).observe(took.as_secs_f64());
    }

    /// One run of a background job: how many rows it changed, or `None` when it failed.
    pub fn job(&self, job: &'static str, changed: Option<u64>) {
        let outcome = if changed.is_some() { "ok" } else { "failed" };
        self.jobs.get_or_create(&JobLabels { job, outcome }).inc();
        self.job_changes.get_or_create(&JobLabel { job }).inc_by(changed.unwrap_or(0));
    }

    pub fn to_text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}
