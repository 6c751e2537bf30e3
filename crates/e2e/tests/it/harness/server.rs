//! `fettle server` as a child process.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use api::Request;
use api::sigv4::Credentials;
use cli::client::{Client, ClientOptions};
use tempfile::TempDir;

use super::{Engine, eventually, postgres_url, program};

pub const REGION: &str = "eu-central-1";
const START_WITHIN: Duration = Duration::from_secs(30);

/// Killed when dropped. A server that logged a failure of its own fails the test.
pub struct Server {
    pub address: SocketAddr,
    pub endpoint: String,
    pub credentials: Credentials,
    pub client: Client,
    child: Child,
    database_url: Option<String>,
    /// Shared by the servers that stand beside each other: the database and the key are the same.
    folder: Arc<TempDir>,
    log: PathBuf,
    arguments: Vec<String>,
}

impl Server {
    pub fn start(engine: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database_url = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(new_database()),
        };
        Self::over(Arc::new(folder), "server.log", database_url, &[])
    }

    /// Another server over the same PostgreSQL and with the same key, at an address of its own.
    pub fn beside(&self) -> Self {
        assert!(self.database_url.is_some(), "SQLite has one server");
        Self::over(Arc::clone(&self.folder), "beside.log", self.database_url.clone(), &[])
    }

    /// On SQLite, with further arguments.
    pub fn start_with(arguments: &[&str]) -> Self {
        Self::over(Arc::new(tempfile::tempdir().unwrap()), "server.log", None, arguments)
    }

    fn over(folder: Arc<TempDir>, log: &str, database_url: Option<String>, arguments: &[&str]) -> Self {
        let log = folder.path().join(log);
        let options = options(folder.path(), database_url.as_deref());
        let (child, address) = spawn(&log, &options, "127.0.0.1:0", arguments);
        let credentials = root_key(folder.path(), database_url.as_deref());
        let endpoint = format!("http://{address}");
        let client = client(&endpoint, credentials.clone());
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { address, endpoint, credentials, client, child, database_url, folder, log, arguments }
    }

    /// A call of the root user that must succeed.
    pub fn call<R: Request>(&self, request: &R) -> R::Response {
        self.client.call(request).unwrap_or_else(|error| panic!("{}: {error}", R::TARGET))
    }

    pub fn client_of(&self, credentials: Credentials) -> Client {
        client(&self.endpoint, credentials)
    }

    /// Ends the process as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again with the same data and arguments, at the same address.
    pub fn start_again(&mut self) {
        let address = self.address.to_string();
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let options = options(self.folder.path(), self.database_url.as_deref());
        let (child, _) = spawn(&self.log, &options, &address, &arguments);
        self.child = child;
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, which a test of crashes wants.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log();
        let failures: Vec<&str> = log.lines().filter(|line| is_failure(line)).collect();
        if std::thread::panicking() {
            let from = log.lines().count().saturating_sub(3);
            eprintln!("the server's log ends:\n{}", log.lines().skip(from).collect::<Vec<_>>().join("\n"));
        } else {
            assert!(failures.is_empty(), "the server failed: {failures:#?}");
        }
    }
}

fn is_failure(line: &str) -> bool {
    line.contains("\"level\":\"ERROR\"") || line.contains("panicked at")
}

fn spawn(log_path: &Path, options: &[String], listen: &str, arguments: &[&str]) -> (Child, SocketAddr) {
    let known_bytes = std::fs::metadata(log_path).map_or(0, |metadata| metadata.len());
    let log = OpenOptions::new().create(true).append(true).open(log_path).unwrap();
    let mut command = Command::new(program("fettle"));
    command.arg("server").args(["--listen", listen]).args(options).args(arguments);
    clean(&mut command);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
    let address = eventually("the server listens", START_WITHIN, || address_in(log_path, known_bytes));
    (child, address)
}

/// From the line `{"message":"listening","address":"127.0.0.1:1234",…}`.
fn address_in(log: &Path, from_bytes: u64) -> Option<SocketAddr> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = File::open(log).ok()?;
    file.seek(SeekFrom::Start(from_bytes)).ok()?;
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    let line = text.lines().find(|line| line.contains("\"message\":\"listening\""))?;
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    line["address"].as_str()?.parse().ok()
}

fn root_key(folder: &Path, database_url: Option<&str>) -> Credentials {
    let mut command = Command::new(program("fettle"));
    command.arg("credentials").arg("--json").args(options(folder, database_url));
    clean(&mut command);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let key: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    Credentials {
        access_key_id: text("AccessKeyId"),
        secret_access_key: text("SecretAccessKey"),
        session_token: None,
    }
}

fn options(folder: &Path, database_url: Option<&str>) -> Vec<String> {
    let mut options = vec!["--data".to_owned(), folder.join("data").display().to_string()];
    if let Some(url) = database_url {
        options.extend(["--database-url".to_owned(), url.to_owned()]);
    }
    options
}

pub fn client(endpoint: &str, credentials: Credentials) -> Client {
    let (endpoint, region) = (endpoint.to_owned(), REGION.to_owned());
    Client::new(ClientOptions { endpoint, region, credentials, ca_bundle: None }).unwrap()
}

/// Settings of whoever runs the tests must not leak into them.
pub fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("FETTLE_") || name.starts_with("AWS_") || name == "APT_CONFIG" {
            command.env_remove(name);
        }
    }
}

fn new_database() -> String {
    let url = postgres_url().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store::testing::create_database(&url))
}
