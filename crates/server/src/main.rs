//! The `fettle` binary: reads the command line and hands over.

use std::process::ExitCode;

use clap::Parser;
use server::commands::{self, Command};

/// A request makes and drops thousands of short texts: this allocator spends a third less of all
/// instructions on them than the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
