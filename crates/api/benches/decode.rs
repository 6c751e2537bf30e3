//! What it costs to decode a scan report: prints the time for each of a few sizes, judges nothing.
//! For instruction counts run it under `valgrind --tool=callgrind` with one round: `-- 1`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement: it reports, and stops at the first fault"
)]

use std::time::Instant;

use api::ssm::PutInventoryRequest;
use serde::Deserialize;
use serde_json::{Value, json};

fn main() {
    let rounds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(200);
    for items in [1, 300, 1000] {
        let body = report(items).to_string();
        let started = Instant::now();
        for _ in 0..rounds {
            let request: PutInventoryRequest = api::decode(std::hint::black_box(body.as_bytes())).unwrap();
            assert_eq!(request.items[0].content.as_ref().unwrap().len(), items);
        }
        let each = started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
        let started = Instant::now();
        for _ in 0..rounds {
            let value: Value = serde_json::from_slice(std::hint::black_box(body.as_bytes())).unwrap();
            PutInventoryRequest::deserialize(value).unwrap();
        }
        let generic = started.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
        println!(
            "PutInventory, {items:>4} items, {:>6} bytes: {each:>8.1} us checked, {generic:>8.1} us through \
             serde_json::Value, unchecked",
            body.len()
        );
    }
}

fn report(items: usize) -> Value {
    let item = |i: usize| {
        json!({"Id": format!("package-{i}.amd64"), "Title": format!("package-{i}.amd64:1.{}-1+deb12u1", i % 40),
            "Status": "COMPLIANT", "Severity": "HIGH", "DocumentName": "AWS-RunPatchBaseline", "DocumentVersion": "1",
            "Classification": "Security", "PatchBaselineId": "pb-09a5f8eb62bde80b1", "PatchSeverity": "Important",
            "PatchState": "Installed", "PatchGroup": "web", "InstalledTime": "2026-02-03T03:04:05Z"})
    };
    json!({"InstanceId": "mi-0123456789abcdef0", "Items": [{
        "TypeName": "AWS:ComplianceItem", "SchemaVersion": "1.0", "CaptureTime": "2026-02-03T03:04:05Z",
        "Context": {"ComplianceType": "Patch", "ExecutionId": "run-1"},
        "Content": (0..items).map(item).collect::<Vec<_>>()}]})
}
