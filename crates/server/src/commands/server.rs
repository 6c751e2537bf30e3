//! `fettle server`: opens the store, binds the port, serves until told to stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use domain::parameter::ParameterPath;
use store::{Store, StoreOptions};
use tokio::net::TcpListener;

use super::now;
use super::objects::ObjectArguments;
use super::stop_signal::StopSignal;
use crate::app::{App, Mode};
use crate::jobs::sweep_objects;
use crate::keyring::Keyring;
use crate::retention::{COMMANDS_DAYS, Retention};
use crate::webhooks::Webhooks;
use crate::{http, jobs, root_key, tls};

#[derive(Args)]
pub struct ServerArguments {
    /// The folder for the database and the server's own key; made when missing.
    #[arg(long, env = "FETTLE_DATA", required_unless_present = "ephemeral")]
    data: Option<PathBuf>,
    /// The address and port to listen on.
    #[arg(long, env = "FETTLE_LISTEN", default_value = "127.0.0.1:4510")]
    listen: SocketAddr,
    /// `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`; a SQLite file in the data folder if not given.
    #[arg(long, env = "FETTLE_DATABASE_URL", conflicts_with = "ephemeral")]
    database_url: Option<String>,
    /// The certificate chain, as PEM.
    #[arg(long, env = "FETTLE_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, as PEM.
    #[arg(long, env = "FETTLE_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Serve unencrypted HTTP on an address that other machines can reach.
    #[arg(long, env = "FETTLE_ALLOW_PLAIN_HTTP")]
    allow_plain_http: bool,
    /// Keep everything in memory, accept any credentials, allow `POST /_fettle/reset`. Loopback only.
    #[arg(long, conflicts_with = "data")]
    ephemeral: bool,
    /// Ended commands and their output are deleted after so many days.
    #[arg(long, env = "FETTLE_KEEP_COMMANDS_DAYS", value_name = "DAYS", default_value_t = COMMANDS_DAYS,
        value_parser = clap::value_parser!(u32).range(1..))]
    keep_commands_days: u32,
    /// Patch reports are deleted after so many days, but never a node's newest; kept for good if not given.
    #[arg(long, env = "FETTLE_KEEP_REPORTS_DAYS", value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(1..))]
    keep_reports_days: Option<u32>,
    /// A file of lines `NAME URL`: what maintenance window tasks of type LAMBDA and STEP_FUNCTIONS call.
    #[arg(long, env = "FETTLE_WEBHOOKS", value_name = "FILE")]
    webhooks: Option<PathBuf>,
    /// Let nodes read all parameters below this path, `/` for all there are, whatever their commands refer to: as AWS's managed
    /// policy does, and for documents that nodes fetch from elsewhere. May be given several times, or with commas.
    #[arg(long, env = "FETTLE_NODE_PARAMETERS", value_name = "PATH", value_delimiter = ',')]
    node_parameters: Vec<ParameterPath>,
    #[command(flatten)]
    objects: ObjectArguments,
}

impl ServerArguments {
    fn webhooks(&self) -> anyhow::Result<Webhooks> {
        let Some(file) = &self.webhooks else { return Ok(Webhooks::default()) };
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Webhooks::parse(&text).with_context(|| format!("--webhooks: {}", file.display()))
    }

    fn retention(&self) -> Retention {
        Retention::new(self.keep_commands_days, self.keep_reports_days)
    }

    /// What `fettle up` runs: durable, on a loopback address.
    pub fn local(data: PathBuf, listen: SocketAddr) -> Self {
        Self {
            data: Some(data),
            listen,
            database_url: None,
            tls_cert: None,
            tls_key: None,
            allow_plain_http: false,
            ephemeral: false,
            keep_commands_days: COMMANDS_DAYS,
            keep_reports_days: None,
            webhooks: None,
            node_parameters: Vec::new(),
            objects: ObjectArguments::default(),
        }
    }
}

pub async fn run(arguments: ServerArguments) -> anyhow::Result<()> {
    #[cfg(unix)]
    super::open_files::raise_limit();
    let mut stop = StopSignal::listen().context("cannot wait for signals")?;
    let running = tokio::select! {
        running = start(arguments) => running?,
        // A database may take long to answer, or to be brought up to date.
        () = stop.received() => return Ok(()),
    };
    running.serve_until(async move { stop.received().await }).await
}

/// A server that is bound but does not serve yet.
pub struct Running {
    pub address: SocketAddr,
    pub app: std::sync::Arc<App>,
    listener: TcpListener,
    tls: Option<std::sync::Arc<rustls::ServerConfig>>,
}

pub async fn start(arguments: ServerArguments) -> anyhow::Result<Running> {
    check_address(&arguments)?;
    let tls = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(certificates), Some(key)) => Some(tls::server_config(certificates, key)?),
        _ => None,
    };
    let app = open(&arguments).await?;
    for path in &arguments.node_parameters {
        tracing::warn!(%path, "nodes read parameters below this path, whatever their commands refer to");
    }
    // It was made a moment ago.
    let _ = app.node_parameters.set(arguments.node_parameters.clone());
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let address = listener.local_addr()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!(%address, scheme, mode = ?app.mode, "listening");
    Ok(Running { address, app, listener, tls })
}

impl Running {
    pub async fn serve_until(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let background = jobs::start(self.app.clone());
        http::serve(self.listener, self.tls, http::router(self.app.clone()), async {
            stop.await;
            self.app.begin_shutdown();
        })
        .await;
        self.app.agents.closed().await;
        background.stop().await;
        self.app.store().close().await?;
        tracing::info!("stopped");
        Ok(())
    }
}

async fn open(arguments: &ServerArguments) -> anyhow::Result<std::sync::Arc<App>> {
    let (retention, webhooks) = (arguments.retention(), arguments.webhooks()?);
    let Some(data) = &arguments.data else {
        let store = Store::open(&StoreOptions::Memory).await?;
        let objects = arguments.objects.open(None).await?;
        return Ok(App::new(store, Keyring::ephemeral(), Mode::Ephemeral, retention, objects, webhooks));
    };
    make_private_folder(data)?;
    let keyring =
        Keyring::open(&data.join(root_key::KEYRING_FILE)).context("cannot open the server's key")?;
    let options = store_options(data, arguments.database_url.as_deref())?;
    let store = Store::open(&options).await.context("cannot open the database")?;
    root_key::ensure(&store, &keyring, now()).await.context("cannot read the root access key")?;
    let objects = arguments.objects.open(Some(data)).await?;
    let app = App::new(store, keyring, Mode::Durable, retention, objects, webhooks);
    sweep_objects::at_start(&app, now()).await.context("cannot clear the object store")?;
    Ok(app)
}

/// Unencrypted requests carry patch states and scripts: beyond this machine only on demand.
fn check_address(arguments: &ServerArguments) -> anyhow::Result<()> {
    let loopback = arguments.listen.ip().is_loopback();
    if arguments.ephemeral && !loopback {
        bail!(
            "--ephemeral accepts any credentials and so listens on loopback addresses only, not {}",
            arguments.listen
        );
    }
    if !loopback && arguments.tls_cert.is_none() && !arguments.allow_plain_http {
        bail!(
            "{} can be reached from other machines: give --tls-cert and --tls-key, or --allow-plain-http",
            arguments.listen
        );
    }
    Ok(())
}

pub fn store_options(data: &Path, url: Option<&str>) -> anyhow::Result<StoreOptions> {
    match url {
        None => Ok(StoreOptions::SqliteFile(root_key::database_file(data))),
        // The URL may hold a password: it is not repeated.
        Some(url) => StoreOptions::from_url(url)
            .context("--database-url: expected sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE"),
    }
}

fn make_private_folder(path: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).with_context(|| format!("cannot make the data folder {}", path.display()))
}
