//! What `fettle` can be told to do. Commands that only talk to a running server are `cli`'s.

mod credentials;
mod server;

use std::process::ExitCode;

use clap::Subcommand;

pub use server::now;

#[derive(Subcommand)]
pub enum Command {
    /// Run the server.
    Server(server::ServerArguments),
    /// Print the root access key as shell export lines.
    Credentials(credentials::CredentialsArguments),
}

/// Runs a command to its end. Data goes to stdout, everything else to stderr.
pub fn run(command: Command) -> ExitCode {
    start_logging();
    let outcome = runtime().and_then(|runtime| {
        runtime.block_on(async {
            match command {
                Command::Server(arguments) => server::run(arguments).await,
                Command::Credentials(arguments) => credentials::run(arguments).await,
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

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

#[expect(clippy::print_stderr, reason = "the end of a command line program")]
fn complain(error: &anyhow::Error) {
    eprintln!("fettle: {error:#}");
}

/// JSON lines on stderr; `FETTLE_LOG` filters (`warn`, `server=debug`).
fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("FETTLE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter);
    // A second call, in tests, keeps the first logger.
    let _ = log.with_writer(std::io::stderr).try_init();
}
