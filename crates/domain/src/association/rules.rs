//! What the members of an association must agree on, whatever the document is.
//! Source: spec systems-manager 3.1, 22.3.

use crate::schedule::Schedule;

/// The form of a schedule expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Cron,
    Rate,
    At,
}

impl Kind {
    pub fn of(schedule: &Schedule) -> Self {
        match (schedule.is_cron(), schedule.is_rate()) {
            (true, _) => Self::Cron,
            (_, true) => Self::Rate,
            _ => Self::At,
        }
    }
}

/// The members that bear on each other.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    pub schedule: Option<Kind>,
    pub has_targets: bool,
    pub has_target_maps: bool,
    pub only_at_interval: bool,
    pub has_offset: bool,
    pub has_duration: bool,
    /// The old form: one node by `InstanceId`.
    pub is_legacy: bool,
    /// Of the members that the old form does not have, one that is given.
    pub beyond_legacy: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error("Targets and TargetMaps exclude each other: give one of them")]
    TargetsTwice,
    #[error("InstanceId and Targets exclude each other: give Targets with the key InstanceIds")]
    LegacyWithTargets,
    #[error("{0} cannot be given with InstanceId: give Targets with the key InstanceIds instead")]
    BeyondLegacy(&'static str),
    #[error("ScheduleOffset needs a cron expression as ScheduleExpression")]
    OffsetWithoutCron,
    #[error("ScheduleOffset needs ApplyOnlyAtCronInterval")]
    OffsetWithoutOnly,
    #[error("ApplyOnlyAtCronInterval is not for rate expressions")]
    OnlyWithRate,
    #[error("ApplyOnlyAtCronInterval needs a ScheduleExpression")]
    OnlyWithoutSchedule,
    #[error("Duration needs ApplyOnlyAtCronInterval")]
    DurationWithoutOnly,
}

impl Rules {
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), RuleError> {
        use Kind::{Cron, Rate};
        let broken = [
            (self.has_targets && self.has_target_maps, RuleError::TargetsTwice),
            (self.is_legacy && self.has_targets, RuleError::LegacyWithTargets),
            (self.has_offset && self.schedule != Some(Cron), RuleError::OffsetWithoutCron),
            (self.has_offset && !self.only_at_interval, RuleError::OffsetWithoutOnly),
            (self.only_at_interval && self.schedule == Some(Rate), RuleError::OnlyWithRate),
            (self.only_at_interval && self.schedule.is_none(), RuleError::OnlyWithoutSchedule),
            (self.has_duration && !self.only_at_interval, RuleError::DurationWithoutOnly),
        ];
        if let Some((_, error)) = broken.into_iter().find(|(is_broken, _)| *is_broken) {
            return Err(error);
        }
        match self.beyond_legacy {
            Some(member) if self.is_legacy => Err(RuleError::BeyondLegacy(member)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_refusal() {
        use Kind::{At, Cron, Rate};
        let plain = Rules { has_targets: true, ..Rules::default() };
        let with = |change: &dyn Fn(&mut Rules)| {
            let mut rules = plain;
            change(&mut rules);
            rules.check()
        };
        let legacy = Rules { is_legacy: true, ..Rules::default() };
        assert_eq!(plain.check(), Ok(()));
        assert_eq!(legacy.check(), Ok(()));
        assert_eq!(with(&|r| r.has_target_maps = true), Err(RuleError::TargetsTwice));
        assert_eq!(with(&|r| r.is_legacy = true), Err(RuleError::LegacyWithTargets));
        let named = Rules { beyond_legacy: Some("MaxErrors"), ..legacy };
        assert_eq!(named.check(), Err(RuleError::BeyondLegacy("MaxErrors")));
        for (schedule, only, offset, duration, expected) in [
            (Some(Cron), true, true, true, Ok(())),
            (Some(Cron), false, false, false, Ok(())),
            (Some(At), true, false, true, Ok(())),
            (Some(Rate), false, false, false, Ok(())),
            (Some(Rate), false, true, false, Err(RuleError::OffsetWithoutCron)),
            (None, true, true, false, Err(RuleError::OffsetWithoutCron)),
            (Some(Cron), false, true, false, Err(RuleError::OffsetWithoutOnly)),
            (Some(Rate), true, false, false, Err(RuleError::OnlyWithRate)),
            (None, true, false, false, Err(RuleError::OnlyWithoutSchedule)),
            (Some(Cron), false, false, true, Err(RuleError::DurationWithoutOnly)),
        ] {
            let found = with(&|r| {
                (r.schedule, r.only_at_interval, r.has_offset, r.has_duration) =
                    (schedule, only, offset, duration);
            });
            assert_eq!(found, expected, "{schedule:?} {only} {offset} {duration}");
        }
    }
}
