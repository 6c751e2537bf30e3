//! The server with a certificate: operators and agents trust the authority that they are given, and no other.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::file_server::certificates;
use crate::harness::server::{Server, clean};
use crate::harness::{eventually, program};

const WITHIN: Duration = Duration::from_secs(30);

#[test]
fn operators_and_agents_speak_tls() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let server = Server::start_with(&["--tls-cert", &path("chain.pem"), "--tls-key", &path("key.pem")]);
    let endpoint = format!("https://{}", server.address);

    let nodes = |trusted: &[&str]| {
        let mut command = Command::new(program("fettle"));
        clean(&mut command);
        command.args(["nodes", "--endpoint", &endpoint, "--region", "eu-central-1"]).args(trusted);
        command
            .env("AWS_ACCESS_KEY_ID", &server.credentials.access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", &server.credentials.secret_access_key);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let authority = path("ca.pem");
    let (worked, text) = nodes(&["--ca-bundle", &authority]);
    assert!(worked && text.contains("No nodes are registered"), "{text}");
    let (worked, text) = nodes(&[]);
    assert!(!worked && text.contains("cannot reach"), "{text}");

    let mut create = Command::new(program("fettle-agent"));
    clean(&mut create);
    create
        .args(["enroll", "--endpoint", &endpoint, "--region", "eu-central-1", "--ca-file", &authority])
        .args(["--activation-id", "00000000-0000-0000-0000-000000000000", "--data", &path("agent")])
        .env("FETTLE_ACTIVATION_CODE", "no-such-code-there-is")
        .stdin(Stdio::null());
    let said = eventually("the agent's answer", WITHIN, || create.output().ok());
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("InvalidActivation"), "the agent did not get through: {said}");
}
