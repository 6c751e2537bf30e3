//! macOS: `softwareupdate`, the installer's receipts, Homebrew.
//! Source: spec patch-manager 2.6.
//!
//! Never run on a Mac: the parsers and what follows from them are tested with texts in the tools' published forms, played
//! back by stand-ins for the tools.

pub mod homebrew;
pub mod manager;
pub mod receipts;
pub mod softwareupdate;

pub use manager::MacOs;
