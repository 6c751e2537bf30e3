//! Resource Groups over the wire: its routes, and what is refused on them.

use api::resourcegroups::ROUTES;
use api::sample::Fault;

use crate::harness::{Server, engines};
use crate::routes::{Sent, Swept, sweep};

const SERVICE: &str = "resource-groups";

#[test]
fn every_route_checks_signature_and_input() {
    for engine in engines() {
        let server = Server::start(engine);
        let mut tried = 0;
        for route in ROUTES {
            let operation = route.operation;
            let errors = operation.errors().iter().map(|code| code.as_str()).collect();
            let schema = operation.input_schema();
            let other = "ssm-quicksetup";
            let swept = Swept { name: operation.name(), service: SERVICE, other, schema, errors };
            tried += sweep(&server, route, &swept, |sent, fault, code| match fault {
                // In a query everything is text.
                Fault::WrongType => {
                    ["SerializationException", "BadRequestException"].contains(&code)
                        || !sent.query.is_empty() && code == "ok"
                }
                _ => code == "BadRequestException",
            });
        }
        assert!(tried > 100, "only {tried} were tried");
        let path = "/tag-sync".to_owned();
        let sent = Sent { method: "POST".into(), path, query: String::new(), body: b"{}".to_vec() };
        let answer = sent.send(&server, SERVICE);
        assert_eq!((answer.status, answer.code().as_str()), (404, "UnknownOperationException"));
    }
}
