//! The `fettle` binary: reads the command line and hands over.

use std::process::ExitCode;

use clap::Parser;
use server::commands::{self, Command};

/// Patching, patch compliance and fleet operations: an open, self-hosted Systems Manager.
#[derive(Parser)]
#[command(name = "fettle", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    commands::run(Arguments::parse().command)
}
