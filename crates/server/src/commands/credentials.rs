//! `fettle credentials`: the root key, ready for a shell.

use std::path::{Path, PathBuf};

use anyhow::Context;
use api::sigv4::Credentials;
use clap::Args;
use store::{Store, StoreOptions};

use crate::keyring::Keyring;
use crate::root_key;

use super::now;
use super::server::store_options;

#[derive(Args)]
pub struct CredentialsArguments {
    /// The server's data folder.
    #[arg(long, env = "FETTLE_DATA")]
    data: PathBuf,
    /// The server's database, when it is not the SQLite file in the data folder.
    #[arg(long, env = "FETTLE_DATABASE_URL")]
    database_url: Option<String>,
    /// The region that the printed lines select.
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    region: String,
    /// Print JSON, as `aws configure export-credentials` does, instead of export lines.
    #[arg(long)]
    json: bool,
}

pub async fn run(arguments: CredentialsArguments) -> anyhow::Result<()> {
    let key = of_data_folder(&arguments.data, arguments.database_url.as_deref()).await?;
    print(&arguments, &key);
    Ok(())
}

/// The root key of the server whose data folder this is, running or not.
pub async fn of_data_folder(data: &Path, database_url: Option<&str>) -> anyhow::Result<Credentials> {
    let keyring_path = data.join(root_key::KEYRING_FILE);
    if !keyring_path.exists() {
        anyhow::bail!(
            "{} is not a data folder of a server: it has no {}; start `fettle server --data` with it once",
            data.display(),
            root_key::KEYRING_FILE
        );
    }
    let keyring = Keyring::open(&keyring_path).context("cannot read the server's key")?;
    let from_environment = std::env::var("FETTLE_DATABASE_URL").ok().filter(|url| !url.is_empty());
    let options: StoreOptions = store_options(data, database_url.or(from_environment.as_deref()))?;
    let store = Store::open(&options).await.context("cannot open the database")?;
    let key = root_key::ensure(&store, &keyring, now()).await?;
    store.close().await?;
    let root_key::RootKey { access_key_id, secret_access_key } = key;
    Ok(Credentials { access_key_id, secret_access_key, session_token: None })
}

#[expect(clippy::print_stdout, reason = "the answer of a command line program")]
fn print(arguments: &CredentialsArguments, key: &Credentials) {
    if arguments.json {
        let json = serde_json::json!({
            "Version": 1,
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
        });
        println!("{json}");
        return;
    }
    println!("export AWS_ACCESS_KEY_ID='{}'", key.access_key_id);
    println!("export AWS_SECRET_ACCESS_KEY='{}'", key.secret_access_key);
    println!("export AWS_DEFAULT_REGION='{}'", arguments.region);
    println!("unset AWS_SESSION_TOKEN");
}
