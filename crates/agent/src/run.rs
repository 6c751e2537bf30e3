//! The agent as a service: everything that runs at the same time, and its clean end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::boot::Boot;
use crate::commands::{After, Commands, Restart};
use crate::enroll::{Registration, claim};
use crate::heartbeat::Heartbeat;
use crate::journal::{JOURNAL_FILE, Journal, Leftover, Limits};
use crate::lookout::{self, Looking};
use crate::platform;
use crate::plugins::Surroundings;
use crate::transport::call::now;
use crate::transport::credentials::{self, Source};
use crate::transport::link::{Link, Reachable};
use crate::update::probation::Probation;
use crate::update::{self, Next, Terms, Update};

/// Messages from the link that wait for the commands.
const EVENT_QUEUE: usize = 32;
/// What the link gets to say goodbye.
const LINK_STOP_WITHIN: Duration = Duration::from_secs(2);

/// What ends the service besides signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    Own,
    /// The end of standard input, of which the parent holds the other end, however it ends itself.
    OfParent,
}

/// What the process is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its builds are tried on these terms.
    Agent(Terms),
    /// A build that the one before it looks after for so long.
    OnProbation(Duration),
}

/// Runs until the process is told to stop, or, on probation, until it has passed.
///
/// The process goes on as another program when an update brought one, or says how that is to go on.
pub fn run(
    data_dir: &Path,
    looking: Option<Looking>,
    lifetime: Lifetime,
    role: Role,
) -> anyhow::Result<Next> {
    loop {
        match run_once(data_dir, looking.clone(), lifetime, role)? {
            Next::Anew => {}
            next => return Ok(next),
        }
    }
}

fn run_once(
    data_dir: &Path,
    looking: Option<Looking>,
    lifetime: Lifetime,
    role: Role,
) -> anyhow::Result<Next> {
    let probation = match role {
        Role::Agent(terms) => match update::guard(data_dir, lifetime, terms)? {
            Some(next) => return Ok(next),
            None => None,
        },
        Role::OnProbation(time) => Some(time),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_keep_alive(Duration::from_secs(1))
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        let (stop, stopping) = watch::channel(false);
        let service = Service { data_dir, looking, restart: platform::request_restart, probation };
        let service = service.serve(stopping);
        tokio::pin!(service);
        tokio::select! {
            result = &mut service => result,
            signal = platform::stop_signal() => {
                signal.context("cannot wait for signals")?;
                tracing::info!("stopping");
                stop.send_replace(true);
                service.await
            }
            () = parents_end(lifetime) => {
                tracing::info!("the parent process is gone; stopping");
                stop.send_replace(true);
                service.await
            }
        }
    });
    // A long poll may be under way on its thread; nobody waits for its answer.
    runtime.shutdown_background();
    match (result?, role) {
        (After::End, _) | (After::Exchange, Role::OnProbation(_)) => Ok(Next::End),
        (After::Exchange, Role::Agent(terms)) => update::go_on(data_dir, lifetime, terms),
    }
}

/// Never completes for a service with a lifetime of its own.
pub(crate) async fn parents_end(lifetime: Lifetime) {
    if lifetime == Lifetime::Own {
        return std::future::pending().await;
    }
    let (open, closed) = oneshot::channel::<()>();
    // Blocks in one read until the end; the process does not wait for it.
    std::thread::spawn(move || {
        // An error ends the input as well.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(open);
    });
    // The sender is dropped, never used: that is the message.
    let _ = closed.await;
}

/// Everything that runs at the same time.
pub struct Service<'a> {
    pub data_dir: &'a Path,
    /// Without it the service learns of packages that changed only in patch runs.
    pub looking: Option<Looking>,
    pub restart: Restart,
    /// How long this build is on probation, if it is.
    pub probation: Option<Duration>,
}

impl Service<'_> {
    /// Ends soon after `stop` turns true, and when the probation is passed.
    pub async fn serve(self, stop: watch::Receiver<bool>) -> anyhow::Result<After> {
        let Self { data_dir, looking, restart, probation } = self;
        let registration = Registration::require(data_dir)?;
        let _only_one = claim(data_dir)?;
        let machine = platform::machine();
        let surroundings = Surroundings {
            data_dir: absolute(data_dir)?,
            instance_id: registration.instance_id.clone(),
            region: registration.region.clone(),
            platform_type: machine.platform_type,
            platform_name: machine.platform_name.clone(),
            platform_version: machine.platform_version.clone(),
            agent_exe: std::env::current_exe().context("cannot tell this program's path")?,
        };
        let journal_path = data_dir.join(JOURNAL_FILE);
        let journal = Journal::open(&journal_path, Limits::default(), now())
            .with_context(|| format!("cannot open the journal {}", journal_path.display()))?;
        let leftovers = journal.leftovers();
        let resumed: Vec<&str> = leftovers.iter().filter_map(Leftover::resumed).collect();
        // A file that cannot be read must not keep the agent from its work.
        if let Err(error) = Update::forget_unless_of(data_dir, &surroundings.agent_exe, &resumed) {
            tracing::error!(error = format!("{error:#}"), "what is left of an update stays");
        }
        let is_open = |job_id: &str| resumed.contains(&job_id);
        let probation = probation.map(|time| Probation::begin(data_dir, time, is_open)).transpose()?;
        let caller = registration.caller()?;
        tracing::info!(node_id = %registration.instance_id, endpoint = %registration.endpoint, version = crate::VERSION, "agent starts");

        let (offer, credentials) = watch::channel(None);
        let (reachable, reached) = watch::channel(Reachable::Undecided);
        let (events, arrivals) = mpsc::channel(EVENT_QUEUE);
        let refused = Arc::new(Notify::new());
        let credentials_for_key = credentials.clone();
        let source = Source {
            caller: caller.clone(),
            registration: registration.clone(),
            data_dir: data_dir.to_owned(),
        };
        let link = Link {
            trust: registration.trust(),
            instance_id: registration.instance_id.clone(),
            platform_type: machine.platform_type,
            credentials: credentials.clone(),
            refused: Arc::clone(&refused),
            events,
            reachable,
            caller: caller.clone(),
        };
        let heartbeat = Heartbeat {
            caller,
            instance_id: registration.instance_id,
            machine,
            credentials,
            refused: Arc::clone(&refused),
            reachable: reached,
        };

        let noting = update::key::note(data_dir.to_owned(), heartbeat.caller.clone(), credentials_for_key);
        let lookout = lookout::run(looking, surroundings.data_dir.clone(), surroundings.agent_exe.clone());
        // The kernel is the same for whichever root file system is patched.
        let boot_id = Boot::of(Path::new("/")).id;
        let commands =
            Commands::new(journal, surroundings, restart, boot_id).on(probation).run(arrivals, stop);
        let link = link.run();
        let background = async {
            tokio::join!(credentials::keep_fresh(source, offer, &refused), heartbeat.run(), lookout, noting);
        };
        tokio::pin!(commands, link, background);
        let after = tokio::select! {
            after = &mut commands => after,
            // Both go on for as long as the commands do.
            () = async { tokio::join!(&mut link, &mut background); } => bail!("the connection to the server was given up"),
        };
        // The commands have hung up: the link closes its channel.
        let _ = timeout(LINK_STOP_WITHIN, link).await;
        tracing::info!("agent stopped");
        Ok(after)
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot resolve {}", path.display()))
}
