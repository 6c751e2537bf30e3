//! What `fettle` can be told to do. Commands that only talk to a running server are `cli`'s.

mod credentials;
mod objects;
#[cfg(unix)]
mod open_files;
mod server;
mod stop_signal;
mod up;

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;

pub use crate::clock::machine_time as now;

#[derive(Subcommand)]
pub enum Command {
    /// Start everything on this machine: server, agent, a first scan, and its report.
    Up(up::UpArguments),
    /// Run the server.
    Server(server::ServerArguments),
    /// Print the root access key as shell export lines.
    Credentials(credentials::CredentialsArguments),
    /// Run the script of a runbook's step, as the server asks on stdin; the server starts this by itself.
    #[command(hide = true)]
    RunScript,
    #[command(flatten)]
    Operator(cli::Command),
}

/// Runs a command to its end. Data goes to stdout, everything else to stderr.
pub fn run(command: Command) -> ExitCode {
    if matches!(command, Command::RunScript) {
        // Neither a log nor a runtime: it is to reach nothing.
        return script::serve();
    }
    let outcome = start_logging(&command).and_then(|()| runtime()).and_then(|runtime| {
        runtime.block_on(async {
            match command {
                Command::Up(arguments) => up::run(arguments).await,
                Command::Server(arguments) => server::run(arguments).await,
                Command::Credentials(arguments) => credentials::run(arguments).await,
                Command::Operator(command) => operator(command).await,
                Command::RunScript => Ok(()),
            }
        })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// As shells have it of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Reads the root key where a data folder is named; the rest is a client's work.
async fn operator(command: cli::Command) -> anyhow::Result<()> {
    let root = match &command.connection().data {
        Some(data) => Some(credentials::of_data_folder(data, None).await?),
        None => None,
    };
    tokio::spawn(async {
        while tokio::signal::ctrl_c().await.is_ok() {
            if !cli::interrupt::ask() {
                std::process::exit(INTERRUPTED);
            }
        }
    });
    tokio::task::block_in_place(|| command.run(root))
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

#[expect(clippy::print_stderr, reason = "the end of a command line program")]
fn complain(error: &anyhow::Error) {
    eprintln!("fettle: {error:#}");
}

/// JSON lines on stderr, or in a file beside `fettle up`; `FETTLE_LOG` filters (`warn`, `server=debug`).
fn start_logging(command: &Command) -> anyhow::Result<()> {
    let default = if matches!(command, Command::Server(_) | Command::Up(_)) { "info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_env("FETTLE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
    // A second call, in tests, keeps the first logger.
    let _ = match command {
        Command::Up(arguments) => {
            let path = arguments.log_file();
            let file = up::private_log(&path).with_context(|| format!("cannot write {}", path.display()))?;
            log.with_writer(std::sync::Mutex::new(file)).try_init()
        }
        _ => log.with_writer(std::io::stderr).try_init(),
    };
    Ok(())
}
