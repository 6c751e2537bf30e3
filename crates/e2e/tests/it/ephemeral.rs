//! `fettle server --ephemeral`: for people who test their own tools. And what the server refuses to listen on.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use api::sigv4::Credentials;
use api::ssm::{CreateActivationRequest, DescribeActivationsRequest};

use crate::harness::program;
use crate::harness::server::{clean, client};
use crate::harness::wire::exchange;

struct Ephemeral {
    child: Child,
    address: SocketAddr,
    ready_after: Duration,
}

impl Ephemeral {
    fn start() -> Self {
        // Free a moment ago; a test that loses the race fails visibly.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(program("fettle"));
        clean(&mut command);
        command.args(["server", "--ephemeral", "--listen", &address.to_string()]);
        let started = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Owned from here on, so that a failing start is waited for as well.
        let mut server = Self { child, address, ready_after: Duration::ZERO };
        let host = [("host".to_owned(), address.to_string())];
        loop {
            let answer = exchange(address, "GET", "/healthz", &host, b"");
            if answer.is_ok_and(|answer| answer.status == 200) {
                server.ready_after = started.elapsed();
                return server;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "the server did not answer");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Ephemeral {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_is_ready_at_once_takes_any_key_and_forgets_on_demand() {
    let server = Ephemeral::start();
    println!("ready after {:.1} ms", server.ready_after.as_secs_f64() * 1000.0);
    // Ten times what it takes on an idle machine: tests share theirs.
    assert!(server.ready_after < Duration::from_secs(1), "{:?}", server.ready_after);

    let credentials = Credentials {
        access_key_id: "testing".to_owned(),
        secret_access_key: "whatever".to_owned(),
        session_token: None,
    };
    let client = client(&format!("http://{}", server.address), credentials);
    client.call(&CreateActivationRequest { iam_role: "r".to_owned(), ..Default::default() }).unwrap();
    let count =
        || client.call(&DescribeActivationsRequest::default()).unwrap().activation_list.unwrap().len();
    assert_eq!(count(), 1);
    let host = [("host".to_owned(), server.address.to_string())];
    assert_eq!(exchange(server.address, "POST", "/_fettle/reset", &host, b"").unwrap().status, 200);
    assert_eq!(count(), 0);
}

#[test]
fn it_refuses_to_be_reached_from_other_machines() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().display().to_string();
    let refused = [
        (vec!["server", "--ephemeral", "--listen", "0.0.0.0:0"], "loopback"),
        (vec!["server", "--data", &data, "--listen", "0.0.0.0:0"], "--tls-cert"),
        (vec!["server", "--data", &data, "--ephemeral"], "--ephemeral"),
        (vec!["up", "--once", "--data", &data, "--listen", "0.0.0.0:0"], "loopback"),
    ];
    for (arguments, said) in refused {
        let mut command = Command::new(program("fettle"));
        clean(&mut command);
        let output = command.args(&arguments).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(said), "{arguments:?}: {text}");
    }
}
