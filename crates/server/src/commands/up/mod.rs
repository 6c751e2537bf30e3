//! `fettle up`: the whole product on this machine. Starts the server, enrols this machine, scans it,
//! prints the report, and stays until it is told to stop.
//! The server is `commands::server`'s, the agent is its own program, everything else goes through the public API.

mod agent;
mod node;
mod words;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use api::sigv4::Credentials;
use clap::Args;
use cli::client::{Client, ClientOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::agent::Agent;
pub use self::agent::private_log;
use super::now;
use super::server::{self, ServerArguments};
use super::stop_signal::StopSignal;
use crate::root_key;

/// The server drains for 8 seconds and its jobs have 5; more is a hang.
const SERVER_STOP_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Args)]
pub struct UpArguments {
    /// The folder for everything: database, keys, the agent's state, logs. Made when missing.
    #[arg(long, env = "FETTLE_DATA", default_value = ".fettle")]
    data: PathBuf,
    /// The loopback address and port to listen on.
    #[arg(long, env = "FETTLE_LISTEN", default_value = "127.0.0.1:4510")]
    listen: SocketAddr,
    /// The region that this machine is enrolled in, the first time.
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    region: String,
    /// Stop after the report.
    #[arg(long)]
    once: bool,
}

impl UpArguments {
    /// Where the server logs: the terminal belongs to the report.
    pub fn log_file(&self) -> PathBuf {
        self.data.join("logs").join("server.log")
    }
}

pub async fn run(arguments: UpArguments) -> anyhow::Result<()> {
    let data = std::path::absolute(&arguments.data).context("cannot tell the data folder's path")?;
    if !arguments.listen.ip().is_loopback() {
        bail!(
            "`fettle up` is for this machine alone and listens on loopback addresses only, not {}; \
             for a fleet run `fettle server`",
            arguments.listen
        );
    }
    let agent_program = agent::program()?;
    let mut stop = StopSignal::listen().context("cannot wait for signals")?;
    words::say("Starting the server");
    let server = tokio::select! {
        server = Server::start(&data, arguments.listen) => server?,
        () = stop.received() => bail!("stopped before the server had started"),
    };
    words::say(&format!("  listening on {}, logs in {}", server.endpoint, data.join("logs").display()));

    let outcome = tokio::select! {
        outcome = with_server(&arguments, &data, &agent_program, &server) => outcome,
        () = stop.received() => Err(anyhow::anyhow!("stopped before the report was there")),
        () = server.failed() => Err(anyhow::anyhow!("the server ended; its log is {}", arguments.log_file().display())),
    };
    let outcome = match outcome {
        Ok(enrolled) if !arguments.once => {
            let link = node::sign_in_link(server.client(&enrolled.region)?).await?;
            words::sign_in(&data, &link);
            words::next_steps(&data, &server.endpoint, &enrolled.region, &enrolled.node);
            stay(&server, enrolled.agent, &mut stop).await
        }
        Ok(enrolled) => enrolled.agent.stop().await,
        Err(error) => Err(error),
    };
    let stopped = server.stop().await;
    outcome.and(stopped)
}

/// This machine as a node.
struct Enrolled {
    node: String,
    region: String,
    agent: Agent,
}

/// Up to the report. When this is dropped half-way, the agent ends with it.
async fn with_server(
    arguments: &UpArguments,
    data: &Path,
    program: &Path,
    server: &Server,
) -> anyhow::Result<Enrolled> {
    let started = Instant::now();
    let folder = data.join("agent");
    let known = agent::registration(&folder)?;
    let region = known.as_ref().map_or_else(|| arguments.region.clone(), |known| known.region.clone());
    let client = Arc::new(server.client(&region)?);

    let node = match &known {
        Some(known) if node::is_registered(&client, &known.instance_id).await? => {
            agent::point_to(&folder, &server.endpoint)?;
            known.instance_id.clone()
        }
        _ => {
            words::say("Enrolling this machine");
            let activation = node::activate(&client).await?;
            agent::enroll(program, &folder, &server.endpoint, &region, &activation).await?
        }
    };
    words::say(&format!("Starting the agent of node {node}"));
    let mut agent = Agent::start(program, &folder, &data.join("logs").join("agent.log"), now())?;
    agent.or_death(node::wait_online(&client, &node, agent.started_at)).await?;
    let command = node::scan(&client, &node).await?;
    agent.or_death(node::wait_scanned(&client, &node, &command)).await?;

    let report = node::report(&client, &node).await?;
    words::report(&report)?;
    words::say(&format!("The report was there after {:.1} s.", started.elapsed().as_secs_f64()));
    Ok(Enrolled { node, region, agent })
}

/// Until Ctrl-C, or until one of the two programs is gone.
async fn stay(server: &Server, mut agent: Agent, stop: &mut StopSignal) -> anyhow::Result<()> {
    let outcome = tokio::select! {
        () = stop.received() => Ok(()),
        error = agent.died() => Err(error),
        () = server.failed() => Err(anyhow::anyhow!("the server ended by itself")),
    };
    words::say("Stopping");
    outcome.and(agent.stop().await)
}

/// The server, running as a task of this process.
struct Server {
    endpoint: String,
    key: Credentials,
    stop: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Server {
    async fn start(data: &Path, listen: SocketAddr) -> anyhow::Result<Self> {
        let started = server::start(ServerArguments::local(data.to_owned(), listen)).await;
        let running = started.map_err(|error| with_port_hint(error, listen))?;
        let endpoint = format!("http://{}", running.address);
        let key = root_key::ensure(&running.app.store(), &running.app.keyring, now()).await?;
        let root_key::RootKey { access_key_id, secret_access_key } = key;
        let key = Credentials { access_key_id, secret_access_key, session_token: None };

        let (stop, mut stopping) = watch::channel(false);
        let (end, ended) = watch::channel(false);
        let task = tokio::spawn(async move {
            // An error means that the other end is gone, which is a reason to stop as well.
            let stopped = async { drop(stopping.wait_for(|stop| *stop).await) };
            let outcome = running.serve_until(stopped).await;
            end.send_replace(true);
            outcome
        });
        Ok(Self { endpoint, key, stop, ended, task })
    }

    fn client(&self, region: &str) -> anyhow::Result<Client> {
        let (endpoint, region) = (self.endpoint.clone(), region.to_owned());
        Ok(Client::new(ClientOptions { endpoint, region, credentials: self.key.clone(), ca_bundle: None })?)
    }

    /// Resolves when the server is gone without having been told to.
    async fn failed(&self) {
        // The sender is dropped when the task panics: that is an end, too.
        drop(self.ended.clone().wait_for(|ended| *ended).await);
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        match tokio::time::timeout(SERVER_STOP_TIMEOUT, self.task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Err(error).context("the server crashed"),
            Err(_) => bail!("the server did not stop in time"),
        }
    }
}

fn with_port_hint(error: anyhow::Error, listen: SocketAddr) -> anyhow::Error {
    let in_use = error.chain().any(|cause| {
        let cause = cause.downcast_ref::<std::io::Error>();
        cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::AddrInUse)
    });
    if !in_use {
        return error;
    }
    anyhow::anyhow!(
        "port {} of {} is in use\n  another `fettle up` may be running; --listen {}:0 takes a free port",
        listen.port(),
        listen.ip(),
        listen.ip()
    )
}
