//! Judging packages: versions, candidates, verdicts. Facts come from outside, rules from `baseline`.

pub mod version_deb;
