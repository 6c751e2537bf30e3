//! Patch now: which document an order becomes, with which parameters, and how many nodes it takes at once. Running it is
//! the server's; what the documents do, the agent's.
//! Source: spec patch-manager 4.9 and 5.4. Decision: docs/decisions/0026-patch-now-and-policies.md.

use std::collections::BTreeMap;

use api::fettle::{PatchNowOrder, PatchNowRebootOption, PatchOperation};

use crate::rollout::{Limit, RolloutLimits};

/// What the association of each is called.
pub const ASSOCIATION_NAME: &str = "AWS-PatchNowAssociation";

const PLAIN: &str = "AWS-RunPatchBaseline";
const WITH_HOOKS: &str = "AWS-RunPatchBaselineWithHooks";
/// Can say more than AWS's: a time for the restart, and services that are restarted.
const OWN: &str = "Fettle-RunPatchBaseline";

/// Scans at once, and how many of them may fail.
const SCANS: u32 = 1_000;
/// Installations: up to so many nodes, so many at once, so many errors.
const INSTALLS: [(u32, Limit, u32); 3] =
    [(24, Limit::Count(1), 1), (100, Limit::Percent(5), 5), (1_000, Limit::Percent(8), 10)];
const INSTALLS_BEYOND: (Limit, u32) = (Limit::Percent(10), 10);

/// What an order cannot ask for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error(
        "{0} is about an installation; a Scan changes nothing: leave it out, or give the Operation Install"
    )]
    OfInstallOnly(&'static str),
    #[error("RebootAt names a time for a restart that NoReboot rules out: leave one of them out")]
    TimeWithoutReboot,
    #[error(
        "{0} cannot be had together with hooks: leave it out, or run the hooks' documents before and after by themselves"
    )]
    NotWithHooks(&'static str),
}

/// The document that carries an order out.
pub type Document = (&'static str, BTreeMap<String, Vec<String>>);

/// The order's document and its parameters.
pub fn document(order: &PatchNowOrder) -> Result<Document, OrderError> {
    let hooks = hooks(order);
    let restarts_services = order.restart_services.unwrap_or_default();
    let install_only = [
        ("RebootOption", order.reboot_option.is_some()),
        ("RebootAt", order.reboot_at.is_some()),
        ("RestartServices", restarts_services),
    ];
    let mut of_install_only =
        install_only.into_iter().filter(|(_, is_given)| *is_given).map(|(name, _)| name);
    if order.operation == PatchOperation::Scan {
        let hook = || hooks.first().map(|(member, ..)| *member);
        if let Some(member) = of_install_only.next().or_else(hook) {
            return Err(OrderError::OfInstallOnly(member));
        }
        return Ok((PLAIN, parameters([("Operation", "Scan")])));
    }
    let stays_up = order.reboot_option == Some(PatchNowRebootOption::NoReboot);
    if stays_up && order.reboot_at.is_some() {
        return Err(OrderError::TimeWithoutReboot);
    }
    let own = [("RebootAt", order.reboot_at.is_some()), ("RestartServices", restarts_services)];
    let own = own.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name);
    let mut given = vec![("Operation", "Install")];
    given.push(("RebootOption", if stays_up { "NoReboot" } else { "RebootIfNeeded" }));
    if let (Some(member), false) = (own, hooks.is_empty()) {
        return Err(OrderError::NotWithHooks(member));
    }
    given.extend(hooks.iter().map(|(_, parameter, document)| (*parameter, *document)));
    given.extend(order.reboot_at.as_deref().map(|at| ("RebootAt", at)));
    given.extend(restarts_services.then_some(("RestartServices", "True")));
    let name = match (own, hooks.is_empty()) {
        (Some(_), _) => OWN,
        (None, true) => PLAIN,
        (None, false) => WITH_HOOKS,
    };
    Ok((name, parameters(given)))
}

fn parameters<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, Vec<String>> {
    given.into_iter().map(|(name, value)| (name.to_owned(), vec![value.to_owned()])).collect()
}

/// Documents that patch cannot be hooks of one another.
pub fn is_patching(document: &str) -> bool {
    [PLAIN, WITH_HOOKS, OWN, "AWS-RunPatchBaselineAssociation"].contains(&document)
}

/// The hooks that are given: member, parameter, document.
pub fn hooks(order: &PatchNowOrder) -> Vec<(&'static str, &'static str, &str)> {
    let all = [
        ("PreInstallHook", "PreInstallHookDocName", &order.pre_install_hook),
        ("PostInstallHook", "PostInstallHookDocName", &order.post_install_hook),
        ("OnExitHook", "OnExitHookDocName", &order.on_exit_hook),
    ];
    let given =
        all.into_iter().filter_map(|(member, parameter, hook)| Some((member, parameter, hook.as_deref()?)));
    given.collect()
}

/// Back from the parameters of [`document`]; what the parameters do not say is left open.
pub fn order_of(parameters: &BTreeMap<String, Vec<String>>) -> PatchNowOrder {
    let text = |name: &str| parameters.get(name).and_then(|values| values.first()).cloned();
    let is_install = text("Operation").as_deref() == Some("Install");
    PatchNowOrder {
        operation: if is_install { PatchOperation::Install } else { PatchOperation::Scan },
        reboot_option: text("RebootOption").as_deref().map(PatchNowRebootOption::from),
        reboot_at: text("RebootAt"),
        restart_services: text("RestartServices").map(|given| given == "True"),
        pre_install_hook: text("PreInstallHookDocName"),
        post_install_hook: text("PostInstallHookDocName"),
        on_exit_hook: text("OnExitHookDocName"),
        ..PatchNowOrder::default()
    }
}

/// What holds where the order does not say.
pub fn limits(operation: &PatchOperation, nodes: usize) -> RolloutLimits {
    let of = |max_concurrency, errors| RolloutLimits { max_concurrency, max_errors: Limit::Count(errors) };
    if *operation == PatchOperation::Scan {
        return of(Limit::Count(SCANS), SCANS);
    }
    let fits = |most: u32| usize::try_from(most).is_ok_and(|most| nodes <= most);
    let row = INSTALLS.into_iter().find(|(most, ..)| fits(*most));
    let (concurrency, errors) = row.map_or(INSTALLS_BEYOND, |(_, concurrency, errors)| (concurrency, errors));
    of(concurrency, errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(change: impl FnOnce(&mut PatchNowOrder)) -> PatchNowOrder {
        let mut order = PatchNowOrder { operation: PatchOperation::Install, ..Default::default() };
        change(&mut order);
        order
    }

    #[test]
    fn an_order_becomes_the_document_that_can_say_it() {
        let check = |order: PatchNowOrder, name: &str, expected: &[(&str, &str)]| {
            let (found, given) = document(&order).unwrap();
            assert_eq!((found, &given), (name, &parameters(expected.iter().copied())), "{order:?}");
            let back = document(&order_of(&given)).unwrap();
            assert_eq!((found, given), back, "what is read back is the same order");
        };
        let plain = [("Operation", "Install"), ("RebootOption", "RebootIfNeeded")];
        check(order(|order| order.operation = PatchOperation::Scan), PLAIN, &[("Operation", "Scan")]);
        check(order(|_| {}), PLAIN, &plain);
        let stay = |order: &mut PatchNowOrder| order.reboot_option = Some(PatchNowRebootOption::NoReboot);
        check(order(stay), PLAIN, &[("Operation", "Install"), ("RebootOption", "NoReboot")]);
        let at = order(|order| order.reboot_at = Some("03:00".to_owned()));
        check(at, OWN, &[plain[0], plain[1], ("RebootAt", "03:00")]);
        let services = order(|order| {
            stay(order);
            order.restart_services = Some(true);
        });
        check(services, OWN, &[plain[0], ("RebootOption", "NoReboot"), ("RestartServices", "True")]);
        let hooks = order(|order| {
            order.pre_install_hook = Some("drain".to_owned());
            order.on_exit_hook = Some("undrain".to_owned());
        });
        let expected =
            [plain[0], plain[1], ("PreInstallHookDocName", "drain"), ("OnExitHookDocName", "undrain")];
        check(hooks, WITH_HOOKS, &expected);
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let check = |order: PatchNowOrder, expected: OrderError| {
            assert_eq!(document(&order), Err(expected), "{order:?}");
        };
        let scan = |change: fn(&mut PatchNowOrder)| {
            order(|order| {
                order.operation = PatchOperation::Scan;
                change(order);
            })
        };
        let at = |order: &mut PatchNowOrder| order.reboot_at = Some("03:00".to_owned());
        let hook = |order: &mut PatchNowOrder| order.post_install_hook = Some("check".to_owned());
        check(scan(at), OrderError::OfInstallOnly("RebootAt"));
        check(scan(hook), OrderError::OfInstallOnly("PostInstallHook"));
        check(
            scan(|order| order.restart_services = Some(true)),
            OrderError::OfInstallOnly("RestartServices"),
        );
        let option = |order: &mut PatchNowOrder| order.reboot_option = Some(PatchNowRebootOption::NoReboot);
        check(scan(option), OrderError::OfInstallOnly("RebootOption"));
        let contradiction = order(|order| {
            at(order);
            option(order);
        });
        check(contradiction, OrderError::TimeWithoutReboot);
        let both = order(|order| {
            at(order);
            hook(order);
        });
        check(both, OrderError::NotWithHooks("RebootAt"));
    }

    #[test]
    fn the_table_of_numbers() {
        let check = |operation: PatchOperation, nodes: usize, expected: (&str, &str)| {
            let limits = limits(&operation, nodes);
            let found = (limits.max_concurrency.to_string(), limits.max_errors.to_string());
            assert_eq!((found.0.as_str(), found.1.as_str()), expected, "{nodes}");
        };
        use PatchOperation::{Install, Scan};
        for (nodes, expected) in [
            (1, ("1", "1")),
            (24, ("1", "1")),
            (25, ("5%", "5")),
            (100, ("5%", "5")),
            (101, ("8%", "10")),
            (1_000, ("8%", "10")),
            (1_001, ("10%", "10")),
            (100_000, ("10%", "10")),
        ] {
            check(Install, nodes, expected);
            check(Scan, nodes, ("1000", "1000"));
        }
    }
}
