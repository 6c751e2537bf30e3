//! Resource Groups over the wire: its routes, and what is refused on them.

use api::resourcegroups::ROUTES;
use api::sample::{Fault, broken, valid};

use crate::harness::{Server, engines};
use crate::quick_setup::Sent;

const SERVICE: &str = "resource-groups";

#[test]
fn every_route_checks_signature_and_input() {
    for engine in engines() {
        let server = Server::start(engine);
        let mut tried = 0;
        for route in ROUTES {
            let operation = route.operation;
            let schema = operation.input_schema();
            let request = valid(schema).unwrap();
            let sent = Sent::place(route, request.clone()).unwrap();
            let unsigned = [("host".to_owned(), server.address.to_string())];
            let code = sent.send_with(&server, &unsigned).code();
            assert_eq!(code, "MissingAuthenticationTokenException", "{operation} unsigned");
            let code = sent.send(&server, "ssm-quicksetup").code();
            assert_eq!(code, "UnknownOperationException", "{operation} for another service");

            let answer = sent.send(&server, SERVICE);
            let code = answer.code();
            let declared: Vec<&str> = operation.errors().iter().map(|code| code.as_str()).collect();
            assert!(code == "ok" || declared.contains(&code.as_str()), "{operation}: {code}");
            for broken in broken(schema) {
                let Some(sent) = Sent::place(route, broken.value) else { continue };
                let answer = sent.send(&server, SERVICE);
                let code = answer.code();
                let is_right = match broken.fault {
                    // In a query everything is text.
                    Fault::WrongType => {
                        ["SerializationException", "BadRequestException"].contains(&code.as_str())
                    }
                    _ => code == "BadRequestException",
                };
                let is_right =
                    is_right || broken.fault == Fault::WrongType && !sent.query.is_empty() && code == "ok";
                assert!(is_right, "{operation} {} {:?}: {code}", broken.at, broken.fault);
                tried += 1;
            }
        }
        assert!(tried > 100, "only {tried} were tried");
        let path = "/tag-sync".to_owned();
        let sent = Sent { method: "POST".into(), path, query: String::new(), body: b"{}".to_vec() };
        let answer = sent.send(&server, SERVICE);
        assert_eq!((answer.status, answer.code().as_str()), (404, "UnknownOperationException"));
    }
}
