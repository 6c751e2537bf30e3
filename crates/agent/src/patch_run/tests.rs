//! What is refused, and what is recorded, before anything is done.

use super::*;

pub(super) fn request(operation: Operation) -> PatchRequest {
    PatchRequest {
        root: "/".into(),
        operation,
        snapshot_id: String::new(),
        reboot_option: RebootOption::NoReboot,
        reboot_at: String::new(),
        install_override_list: String::new(),
        baseline_override: String::new(),
        association_id: String::new(),
        baseline_tags: String::new(),
        records: Records::Patch,
        command_id: "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".into(),
        data_dir: "/nowhere/at/all".into(),
        time_limit: Duration::from_secs(60),
        services: Services::Leave,
        snapshots: Snapshots::OFF,
    }
}

#[test]
fn overrides_exclude_each_other() {
    for operation in [Operation::Scan, Operation::Install] {
        let both = PatchRequest {
            install_override_list: "https://x/list".into(),
            baseline_override: "https://x/baseline".into(),
            ..request(operation)
        };
        assert!(patch(&both).unwrap_err().to_string().contains("exclude each other"));
    }
}

#[test]
fn a_time_for_the_reboot_is_checked_before_anything_is_done() {
    let at = |reboot_at: &str, reboot_option| PatchRequest {
        reboot_at: reboot_at.into(),
        reboot_option,
        ..request(Operation::Install)
    };
    let refused = |request: &PatchRequest| format!("{:#}", patch(request).unwrap_err());
    assert!(refused(&at("tonight", RebootOption::RebootIfNeeded)).contains("`tonight` is no time"));
    assert!(refused(&at("03:00", RebootOption::NoReboot)).contains("RebootAt"));
    assert!(refused(&at("03:00", RebootOption::RebootIfNeeded)).contains("no registration"));
}

#[test]
fn a_node_that_is_not_enrolled_says_so() {
    assert!(patch(&request(Operation::Scan)).unwrap_err().to_string().contains("no registration"));
}

#[test]
fn a_baseline_brought_along_is_recorded_only_for_a_policy() {
    let own = request(Operation::Scan);
    assert_eq!(
        (recording(&own, Origin::Server), execution(&own).kind.as_str()),
        (Recording::Upload, "Command")
    );
    let brought = PatchRequest { baseline_override: "https://x".into(), ..own };
    assert_eq!(recording(&brought, Origin::Brought), Recording::PrintOnly);
    // The file says nothing about this node's system: it is the node's own baseline after all.
    assert_eq!(recording(&brought, Origin::Server), Recording::Upload);
    let apart = PatchRequest { records: Records::OverrideToo, ..brought.clone() };
    assert_eq!(recording(&apart, Origin::Brought), Recording::Apart);
    let policy = PatchRequest { association_id: "a".into(), ..brought };
    assert_eq!(
        (recording(&policy, Origin::Brought), execution(&policy).kind.as_str()),
        (Recording::Upload, "PatchPolicy")
    );
    assert_eq!(execution(&policy).id, "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10");
}

#[test]
fn an_association_is_reported_about_by_its_id_alone() {
    let of = |association_id: &str, baseline_override: &str| PatchRequest {
        records: Records::Association,
        association_id: association_id.into(),
        baseline_override: baseline_override.into(),
        ..request(Operation::Scan)
    };
    assert!(patch(&of("", "")).unwrap_err().to_string().contains("not named"));
    assert!(patch(&of("a", "https://x")).unwrap_err().to_string().contains("takes no BaselineOverride"));
    assert_eq!(recording(&of("a", ""), Origin::Server), Recording::Association);
}
