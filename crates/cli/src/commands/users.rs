//! `fettle users` and `fettle sign-in-link`: who may sign in to the console, and how somebody does so once.

use std::collections::BTreeMap;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use api::fettle::{
    CreateSignInCodeRequest, CreateUserRequest, DeleteUserRequest, ListUsersRequest, UpdateUserRequest, User,
    UserStatus,
};
use clap::Subcommand;

use super::{Common, Output, json};
use crate::client::{Client, now};
use crate::text;

#[derive(Subcommand)]
pub enum Users {
    /// List the users, and whether each has a password.
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Add a user. The password is read from the terminal, or from the first line of stdin.
    Add {
        name: String,
        /// A file with an IAM policy, as JSON; named as the file. Without one the user may do nothing.
        #[arg(long = "policy", value_name = "FILE")]
        policies: Vec<PathBuf>,
        /// The user signs in by `fettle sign-in-link --user NAME` alone.
        #[arg(long)]
        no_password: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Remove a user, who is signed out everywhere.
    Remove {
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Give a user another password, who is signed out everywhere.
    Password {
        name: String,
        #[command(flatten)]
        common: Common,
    },
}

impl Users {
    pub fn common(&self) -> &Common {
        match self {
            Self::List { common }
            | Self::Add { common, .. }
            | Self::Remove { common, .. }
            | Self::Password { common, .. } => common,
        }
    }

    pub fn run(&self, client: &Client, output: Output) -> anyhow::Result<String> {
        match self {
            Self::List { .. } => list(client, output),
            Self::Add { name, policies, no_password, .. } => {
                let policies = policies.iter().map(|file| policy(file)).collect::<anyhow::Result<_>>()?;
                let password = if *no_password { None } else { Some(read_password()?) };
                let user_name = name.clone();
                let request = CreateUserRequest { user_name, password, policies: Some(policies) };
                said(client.call(&request)?.user, "is added", output)
            }
            Self::Remove { name, .. } => {
                client.call(&DeleteUserRequest { user_name: name.clone() })?;
                match output {
                    Output::Json => Ok("{}\n".to_owned()),
                    Output::Text(_) => Ok(format!("{} is removed.\n", text::clean(name))),
                }
            }
            Self::Password { name, .. } => {
                let password = Some(read_password()?);
                let request =
                    UpdateUserRequest { user_name: name.clone(), password, ..UpdateUserRequest::default() };
                said(client.call(&request)?.user, "has a new password, and is signed out everywhere", output)
            }
        }
    }
}

fn list(client: &Client, output: Output) -> anyhow::Result<String> {
    let mut users: Vec<User> = vec![];
    let mut next_token = None;
    loop {
        let page = client.call(&ListUsersRequest { next_token, ..ListUsersRequest::default() })?;
        users.extend(page.users);
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    match output {
        Output::Json => json(&users),
        Output::Text(_) => Ok(text::users::render(&users, now())),
    }
}

fn said(user: User, what: &str, output: Output) -> anyhow::Result<String> {
    match output {
        Output::Json => json(&user),
        Output::Text(_) => {
            let hint = match (user.status, user.policies.is_empty()) {
                (UserStatus::Disabled, _) => "The user is disabled.\n",
                (_, true) => "Without a policy the user may do nothing.\n",
                _ => "",
            };
            Ok(format!("{} {what}.\n{hint}", text::clean(&user.user_name)))
        }
    }
}

fn policy(file: &Path) -> anyhow::Result<(String, String)> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.file_stem().and_then(|stem| stem.to_str());
    let name = name.with_context(|| format!("{} has no name that a policy could have", file.display()))?;
    Ok((name.to_owned(), text))
}

fn read_password() -> anyhow::Result<String> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("cannot read the password from stdin")?;
        return match line.trim_end_matches(['\n', '\r']) {
            "" => bail!("no password: write it to stdin, or give --no-password"),
            password => Ok(password.to_owned()),
        };
    }
    let ask = |what: &str| rpassword::prompt_password(what).context("cannot read the password");
    let password = ask("Password: ")?;
    if ask("The same again: ")? != password {
        bail!("the two are not the same");
    }
    Ok(password)
}

/// A link with a code that is good once.
pub fn sign_in_link(client: &Client, user_name: Option<&str>, output: Output) -> anyhow::Result<String> {
    let made = client.call(&CreateSignInCodeRequest { user_name: user_name.map(str::to_owned) })?;
    match output {
        Output::Json => {
            let link = link(client.endpoint(), &made.sign_in_code);
            let members = [("Link", link), ("ExpiresAt", made.expires_at.to_iso_seconds())];
            json(&BTreeMap::from(members))
        }
        Output::Text(_) => Ok(format!("{}\n", link(client.endpoint(), &made.sign_in_code))),
    }
}

/// The code stands behind the `#`: browsers do not send that.
pub fn link(endpoint: &str, code: &str) -> String {
    format!("{endpoint}/console/#/sign-in?code={code}")
}
