//! The little of a server that a patch run needs: it hands out one baseline and keeps what is reported.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Attribute names to text.
pub type Row = BTreeMap<String, String>;

#[derive(Default)]
struct State {
    baseline: Value,
    summary: Row,
    items: Vec<Row>,
}

pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Serves until the test's process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What every run works by from here on.
    pub fn set_baseline(&self, baseline: &Value) {
        self.state.lock().unwrap().baseline = baseline.clone();
    }

    /// The newest report: the attributes of its summary, and its items.
    pub fn newest(&self) -> (Row, Vec<Row>) {
        let state = self.state.lock().unwrap();
        (state.summary.clone(), state.items.clone())
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some((target, body)) = request(&mut reader) {
        let answer = state.lock().unwrap().answer(&target, &body).to_string();
        let head = format!("HTTP/1.1 200 X\r\ncontent-length: {}\r\n\r\n", answer.len());
        // An agent that was killed does not read its answer.
        if writer.write_all((head + &answer).as_bytes()).is_err() {
            return;
        }
    }
}

/// Operation or path, and the body; `None` at the end of the connection.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, Value)> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|length| *length > 0)?;
    let mut target = first.split(' ').nth(1)?.to_owned();
    let mut host = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "x-amz-target" => target = value.rsplit('.').next()?.to_owned(),
            "host" => host = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if target == "GetDeployablePatchSnapshotForInstance" {
        return Some((target, json!(format!("http://{host}/snapshot"))));
    }
    Some((target, serde_json::from_slice(&body).unwrap_or_default()))
}

impl State {
    fn answer(&mut self, target: &str, body: &Value) -> Value {
        match target {
            "GetDeployablePatchSnapshotForInstance" => json!({"SnapshotDownloadUrl": body}),
            "/snapshot" => self.baseline.clone(),
            "PutInventory" => {
                self.take_report(&body["Items"]);
                json!({})
            }
            "PutNodeFacts" => json!({"FactsNeeded": false}),
            _ => json!({}),
        }
    }

    /// Items that have not changed come as their hash alone.
    fn take_report(&mut self, items: &Value) {
        for item in items.as_array().into_iter().flatten() {
            let Some(content) = item.get("Content").filter(|content| !content.is_null()) else { continue };
            let rows: Vec<Row> = serde_json::from_value(content.clone()).unwrap();
            match item["TypeName"].as_str() {
                Some("AWS:PatchSummary") => self.summary = rows.into_iter().next().unwrap_or_default(),
                _ => self.items = rows,
            }
        }
    }
}
