//! Operations that method and path name, over the wire: how a request is put there, and what every route is tried with.

use api::rest::{QueryKind, Route, Segment};
use api::sample::{Fault, broken, valid};
use api::schema::Schema;
use api::sigv4::{PathStyle, RequestParts, Signer, payload_hash, percent_encode};
use serde_json::Value;

use crate::harness::Server;
use crate::harness::server::REGION;
use crate::harness::wire::{Answer, exchange};

/// What goes over the wire.
pub struct Sent {
    pub method: String,
    pub path: String,
    pub query: String,
    pub body: Vec<u8>,
}

impl Sent {
    /// `None`: it cannot be said in a path or a query.
    pub fn place<O>(route: &Route<O>, mut request: Value) -> Option<Self> {
        let mut path = String::new();
        for segment in route.segments {
            path.push('/');
            match segment {
                Segment::Literal(text) => path.push_str(text),
                Segment::Label(member) => {
                    let text = request.as_object_mut()?.remove(*member)?;
                    path.push_str(&percent_encode(text.as_str().filter(|text| !text.is_empty())?));
                }
            }
        }
        let mut query = Vec::new();
        for wanted in route.query {
            let Some(given) = request.as_object_mut()?.remove(wanted.member) else { continue };
            let values = match (wanted.kind, given) {
                (QueryKind::List, Value::Array(values)) => values,
                // In a query one is a list of one.
                (QueryKind::List, _) => return None,
                (QueryKind::Text | QueryKind::Number, one) => vec![one],
            };
            for value in values {
                let text = match value {
                    Value::String(text) => text,
                    Value::Number(number) if wanted.kind == QueryKind::Number => number.to_string(),
                    _ => return None,
                };
                query.push(format!("{}={}", wanted.name, percent_encode(&text)));
            }
        }
        let body = match route.method {
            "GET" => request.as_object().map(|_| Vec::new())?,
            _ => request.to_string().into_bytes(),
        };
        Some(Self { method: route.method.to_owned(), path, query: query.join("&"), body })
    }

    pub fn send(&self, server: &Server, service: &str) -> Answer {
        let headers = self.signed(server, service);
        self.send_with(server, &headers)
    }

    pub fn send_with(&self, server: &Server, headers: &[(String, String)]) -> Answer {
        let address = match self.query.as_str() {
            "" => self.path.clone(),
            query => format!("{}?{query}", self.path),
        };
        let answer = exchange(server.address, &self.method, &address, headers, &self.body);
        answer.unwrap_or_else(|error| panic!("{} {address}: {error}", self.method))
    }

    pub fn signed(&self, server: &Server, service: &str) -> Vec<(String, String)> {
        let host = server.address.to_string();
        let headers = [("host", host.as_str())];
        let parts =
            RequestParts { method: &self.method, path: &self.path, query: &self.query, headers: &headers };
        let signer = Signer {
            credentials: &server.credentials,
            region: REGION,
            service,
            style: PathStyle::Normalized,
        };
        let added = signer.sign(&parts, &payload_hash(&self.body), cli::client::now()).unwrap();
        let added = added.into_iter().map(|(name, value)| (name.to_owned(), value));
        [("host".to_owned(), host.clone())].into_iter().chain(added).collect()
    }
}

/// An operation that is tried.
pub struct Swept {
    pub name: &'static str,
    pub service: &'static str,
    /// A service that does not have it.
    pub other: &'static str,
    pub schema: &'static Schema,
    /// The codes that the model says it may answer.
    pub errors: Vec<&'static str>,
}

/// Tries an operation unsigned, for another service, with a valid request and with each broken one, whose code
/// `is_right` is asked about. How many broken ones there were.
pub fn sweep<O>(
    server: &Server,
    route: &Route<O>,
    swept: &Swept,
    is_right: impl Fn(&Sent, Fault, &str) -> bool,
) -> usize {
    let Swept { name, service, other, schema, errors } = swept;
    let sent = Sent::place(route, valid(schema).unwrap()).unwrap();
    let unsigned = [("host".to_owned(), server.address.to_string())];
    let code = sent.send_with(server, &unsigned).code();
    assert_eq!(code, "MissingAuthenticationTokenException", "{name} unsigned");
    let code = sent.send(server, other).code();
    assert_eq!(code, "UnknownOperationException", "{name} for another service");
    let code = sent.send(server, service).code();
    assert!(code == "ok" || errors.contains(&code.as_str()), "{name}: {code}");

    let mut tried = 0;
    for broken in broken(schema) {
        let Some(sent) = Sent::place(route, broken.value) else { continue };
        let code = sent.send(server, service).code();
        assert!(is_right(&sent, broken.fault, &code), "{name} {} {:?}: {code}", broken.at, broken.fault);
        tried += 1;
    }
    tried
}
