//! `fettle credentials`: the root key, ready for a shell.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use store::{Store, StoreOptions};

use crate::keyring::Keyring;
use crate::root_key;

use super::server::{now, store_options};

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
    let keyring_path = arguments.data.join(root_key::KEYRING_FILE);
    if !keyring_path.exists() {
        anyhow::bail!(
            "{} is not a data folder of a server: it has no {}; start `fettle server --data` with it once",
            arguments.data.display(),
            root_key::KEYRING_FILE
        );
    }
    let keyring = Keyring::open(&keyring_path).context("cannot read the server's key")?;
    let options: StoreOptions = store_options(&arguments.data, arguments.database_url.as_deref())?;
    let store = Store::open(&options).await.context("cannot open the database")?;
    let key = root_key::ensure(&store, &keyring, now()).await?;
    print(&arguments, &key);
    Ok(store.close().await?)
}

#[expect(clippy::print_stdout, reason = "the answer of a command line program")]
fn print(arguments: &CredentialsArguments, key: &root_key::RootKey) {
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
