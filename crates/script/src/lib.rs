//! Runs scripts of runbooks: Python, by an interpreter that reaches nothing but what it is handed, in a process of its own that
//! [`serve`] is the whole of. What is asked and answered are the lines of [`protocol`]; who asks, and what an answer means
//! for a step, is the server's.
//! Source: spec systems-manager 7.2, aws:executeScript.

mod child;
mod clock;
mod interpreter;
#[cfg(unix)]
mod limits;
mod modules;
mod output;
pub mod protocol;
#[cfg(test)]
mod tests;
mod value;

pub use child::serve;
