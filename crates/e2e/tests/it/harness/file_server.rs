//! Files over https, from an authority of the test's own, on loopback: Python's web server behind its own certificate.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::eventually;

/// Ended when dropped.
pub struct FileServer {
    folder: tempfile::TempDir,
    port: u16,
    child: Child,
}

impl FileServer {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path());
        let files = folder.path().join("files");
        fs::create_dir(&files).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        // Free a moment ago, and nobody but tests looks for ports here.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("python3")
            .arg("-c")
            .arg(PROGRAM)
            .arg(port.to_string())
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Self { folder, port, child };
        eventually("the file server listens", Duration::from_secs(30), || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        server
    }

    /// PEM, of whoever is to trust it.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub fn put(&self, path: &str, content: &str) {
        fs::write(self.folder.path().join("files").join(path.trim_start_matches('/')), content).unwrap();
    }

    /// What is served.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// How often the file was asked for.
    pub fn asked(&self, path: &str) -> usize {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        log.lines().filter(|line| line.contains(&format!("\"GET {path} "))).count()
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves a folder; its standard error is the log of requests.
const PROGRAM: &str = "
import functools, http.server, ssl, sys
port, folder = int(sys.argv[1]), sys.argv[2]
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder + '/files')
server = http.server.ThreadingHTTPServer(('127.0.0.1', port), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + '/chain.pem', folder + '/key.pem')
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
";

/// An authority and a certificate of it for 127.0.0.1: `ca.pem`, `chain.pem`, `key.pem`.
pub fn certificates(folder: &Path) {
    fs::write(folder.join("leaf.ext"), "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n").unwrap();
    let steps = [
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=test-authority",
        "req -newkey rsa:2048 -nodes -keyout key.pem -out leaf.csr -subj /CN=fettle",
        "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out chain.pem -days 2 -extfile leaf.ext",
    ];
    for step in steps {
        let output = Command::new("openssl").args(step.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "openssl {step}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
