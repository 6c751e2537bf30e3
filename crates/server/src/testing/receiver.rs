//! A webhook for tests: it keeps what it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Answers 204, under `/broken` 503, and keeps what it was sent.
pub struct Receiver {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let seen = Arc::clone(&receiver.seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let request = answer(stream).await;
                seen.lock().unwrap().push(request);
            }
        });
        receiver
    }

    /// `drain` and `night` are there, `broken` is not well.
    pub fn webhooks(&self) -> String {
        let at = self.address;
        format!("drain http://{at}/drain\nnight http://me:secret@{at}/night\nbroken http://{at}/broken\n")
    }

    pub fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }

    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream) -> String {
    let mut request = Vec::new();
    let is_whole = |request: &[u8]| {
        let text = String::from_utf8_lossy(request);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        (body.len() >= length.parse().ok()?).then_some(())
    };
    while is_whole(&request).is_none() {
        if stream.read_buf(&mut request).await.unwrap() == 0 {
            break;
        }
    }
    let request = String::from_utf8(request).unwrap();
    let status =
        if request.starts_with("POST /broken") { "503 Service Unavailable" } else { "204 No Content" };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    // The caller may be gone.
    let _ = stream.write_all(answer.as_bytes()).await;
    request
}

pub fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

pub fn body(request: &str) -> &str {
    request.split_once("\r\n\r\n").unwrap().1
}
