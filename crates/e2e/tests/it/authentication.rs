//! Who may send what: every operation unsigned, badly signed, signed for something else, too early
//! and too late; nodes that reach for other nodes.

use api::sigv4::{Credentials, PathStyle, RequestParts, Signer, payload_hash};
use api::ssm::{AddTagsToResourceRequest, InventoryItem, PutInventoryRequest, ResourceTypeForTagging, Tag};
use cli::client::ClientError;

use crate::harness::server::REGION;
use crate::harness::wire::{Call, exchange};
use crate::harness::{Agent, Server, engines};
use crate::operations::{self, Operation, Signer as Kind};

/// One way to spoil a request, and the codes that are right then.
struct Spoiled {
    how: &'static str,
    send: fn(&Call) -> String,
    expected: &'static [&'static str],
}

const SPOILED: [Spoiled; 12] = [
    Spoiled {
        how: "unsigned",
        send: |call| call.send_unsigned().code(),
        expected: &["MissingAuthenticationTokenException"],
    },
    Spoiled {
        how: "another algorithm",
        send: |call| with_authorization(call, |_| "Basic cm9vdDpyb290".to_owned()),
        expected: &["IncompleteSignatureException"],
    },
    Spoiled {
        how: "no signature in the header",
        send: |call| {
            with_authorization(call, |header| header.split(", Signature").next().unwrap().to_owned())
        },
        expected: &["IncompleteSignatureException"],
    },
    Spoiled {
        how: "another signature",
        send: |call| {
            with_authorization(call, |header| {
                let (head, signature) = header.rsplit_once('=').unwrap();
                let turned: String =
                    signature.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect();
                format!("{head}={turned}")
            })
        },
        expected: &["InvalidSignatureException"],
    },
    Spoiled {
        how: "the body changed after signing",
        send: |call| {
            let headers = call.signed_headers();
            Call { body: b"{ }".to_vec(), ..call.clone() }.send_with(&headers).code()
        },
        expected: &["InvalidSignatureException"],
    },
    Spoiled {
        how: "the target changed after signing",
        send: |call| {
            let mut headers = call.signed_headers();
            for (name, value) in &mut headers {
                if name == "x-amz-target" {
                    *value = "AmazonSSM.ListDocuments".to_owned();
                }
            }
            if call.target == "AmazonSSM.ListDocuments" {
                return "InvalidSignatureException".to_owned();
            }
            call.send_with(&headers).code()
        },
        expected: &["InvalidSignatureException"],
    },
    Spoiled {
        how: "signed 16 minutes ago",
        send: |call| Call { at: call.at.plus_seconds(-16 * 60), ..call.clone() }.send().code(),
        expected: &["InvalidSignatureException"],
    },
    Spoiled {
        how: "signed 16 minutes from now",
        send: |call| Call { at: call.at.plus_seconds(16 * 60), ..call.clone() }.send().code(),
        expected: &["InvalidSignatureException"],
    },
    Spoiled {
        how: "signed for another service",
        send: |call| Call { service: "ec2".to_owned(), ..call.clone() }.send().code(),
        expected: &["InvalidSignatureException"],
    },
    Spoiled {
        how: "signed for what is no region",
        send: |call| Call { region: "nowhere at all".to_owned(), ..call.clone() }.send().code(),
        expected: &["InvalidSignatureException", "IncompleteSignatureException"],
    },
    Spoiled {
        how: "a key that nobody has",
        send: |call| {
            let credentials =
                Credentials { access_key_id: "AKIANOBODYNOBODY0000".to_owned(), ..call.credentials.clone() };
            Call { credentials, ..call.clone() }.send().code()
        },
        expected: &["UnrecognizedClientException"],
    },
    Spoiled {
        how: "a made-up session",
        send: |call| {
            let credentials =
                Credentials { session_token: Some("made-up".to_owned()), ..call.credentials.clone() };
            Call { credentials, ..call.clone() }.send().code()
        },
        expected: &["UnrecognizedClientException", "InvalidSignatureException"],
    },
];

fn with_authorization(call: &Call, change: impl Fn(&str) -> String) -> String {
    let mut headers = call.signed_headers();
    for (name, value) in &mut headers {
        if name == "authorization" {
            *value = change(value);
        }
    }
    call.send_with(&headers).code()
}

#[test]
fn every_operation_refuses_spoiled_signatures() {
    for engine in engines() {
        let server = Server::start(engine);
        for operation in operations::all() {
            let call = call(&server, &operation);
            for Spoiled { how, send, expected } in &SPOILED {
                let code = send(&call);
                let is_open = operation.signer == Kind::Nobody && *how == "unsigned";
                // A node's key proves a node: people's keys are none, whatever was done to them.
                let is_foreign = operation.signer == Kind::NodeKey && code == "UnrecognizedClientException";
                let expected = if is_open { unsigned(operation.name) } else { expected };
                assert!(
                    expected.contains(&code.as_str()) || is_foreign,
                    "{} {how}: {code}, expected one of {expected:?} ({engine:?})",
                    operation.name
                );
            }
        }
    }
}

/// What an operation that nobody signs makes of an empty request without a cookie.
fn unsigned(name: &str) -> &'static [&'static str] {
    match name {
        "RefreshSession" => &["AccessDeniedException"],
        "EndSession" => &["ok"],
        _ => &["ValidationException"],
    }
}

fn call(server: &Server, operation: &Operation) -> Call {
    Call::new(server.address, &server.credentials, operation.service, &operation.target())
}

#[test]
fn people_are_not_nodes() {
    let server = Server::start(engines()[0]);
    for operation in operations::all() {
        let code = call(&server, &operation).send().code();
        match operation.signer {
            Kind::NodeSession => assert_eq!(code, "AccessDeniedException", "{}", operation.name),
            Kind::NodeKey => assert_eq!(code, "UnrecognizedClientException", "{}", operation.name),
            Kind::Nobody | Kind::Anyone => {}
        }
    }
}

#[test]
fn a_node_can_act_on_nothing_but_itself() {
    for engine in engines() {
        let server = Server::start(engine);
        let (own, other) = (Agent::online(&server), Agent::enroll(&server));
        let node = server.client_of(own.credentials());
        let refused = |result: Result<(), ClientError>| match result {
            Err(ClientError::Refused { code, .. }) => code,
            other => panic!("{other:?}"),
        };
        let inventory = |id: &str| PutInventoryRequest {
            instance_id: id.to_owned(),
            items: vec![InventoryItem {
                type_name: "Custom:Rack".to_owned(),
                schema_version: "1.0".to_owned(),
                capture_time: "2026-11-21T00:00:00Z".to_owned(),
                ..Default::default()
            }],
        };
        let code = refused(node.call(&inventory(&other.id)).map(|_| ()));
        assert_eq!(code, "AccessDeniedException");
        // Nor may it do what operators do, not even to itself.
        let tags = AddTagsToResourceRequest {
            resource_type: ResourceTypeForTagging::ManagedInstance,
            resource_id: own.id.clone(),
            tags: vec![Tag { key: "a".to_owned(), value: "b".to_owned() }],
        };
        assert_eq!(refused(node.call(&tags).map(|_| ())), "AccessDeniedException");
        // A session without its token, or with another's secret, is nobody's.
        let stripped = Credentials { session_token: None, ..own.credentials() };
        let code = refused(server.client_of(stripped).call(&inventory(&own.id)).map(|_| ()));
        assert_eq!(code, "UnrecognizedClientException");
        let mixed = Credentials {
            secret_access_key: server.credentials.secret_access_key.clone(),
            ..own.credentials()
        };
        let code = refused(server.client_of(mixed).call(&inventory(&own.id)).map(|_| ()));
        assert_eq!(code, "InvalidSignatureException");
    }
}

/// A URL that carries its own proof: good for its time and for nothing else.
#[test]
fn presigned_urls() {
    let server = Server::start(engines()[0]);
    let host = server.address.to_string();
    let headers = [("host", host.as_str())];
    let form = "Action=GetCallerIdentity&Version=2011-06-15";
    let parts = RequestParts { method: "GET", path: "/", query: form, headers: &headers };
    let presign = |service: &str, seconds_ago: i64, expires_seconds: u32| {
        let signer = Signer {
            credentials: &server.credentials,
            region: REGION,
            service,
            style: PathStyle::Normalized,
        };
        let at = cli::client::now().plus_seconds(-seconds_ago);
        signer.presign(&parts, &payload_hash(b""), at, expires_seconds).unwrap()
    };
    let fetch = |query: &str| {
        let owned = [("host".to_owned(), host.clone())];
        let answer = exchange(server.address, "GET", &format!("/?{query}"), &owned, b"").unwrap();
        (answer.status, String::from_utf8(answer.body).unwrap())
    };
    let good = presign("sts", 0, 60);
    let (status, body) = fetch(&good);
    assert!(status == 200 && body.contains(":root</Arn>"), "{body}");
    let refused = [
        ("changed", good.replace("Expires=60", "Expires=600")),
        ("too old", presign("sts", 120, 60)),
        ("for another service", presign("ssm", 0, 60)),
        ("longer than a week", presign("sts", 0, 8 * 24 * 3600)),
    ];
    for (what, query) in refused {
        let (status, body) = fetch(&query);
        assert_eq!(status, 403, "{what}: {body}");
        assert!(body.contains("<Code>"), "{what}: {body}");
    }
}
