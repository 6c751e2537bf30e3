//! Transactions on rpm systems: dnf, yum and zypper, judged by rpm's database afterwards.
//! Reading such nodes is `rpm`'s.

pub mod dnf;
pub mod installed;
mod kept;
mod scriptlets;
pub mod zypper;
