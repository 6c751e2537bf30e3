//! The wordings, one row each, and that no JSON can bring the decoder down.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{DecodeError, decode, encode};
use crate::schema::{Kind, Schema};
use crate::{Shape, fettle, mds, ssm};

fn refusal<T: Shape>(body: &Value) -> String {
    match decode::<T>(body.to_string().as_bytes()) {
        Ok(_) => panic!("{body} was accepted"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn words_broken_constraints_as_aws_does() {
    let check = |body: Value, expected: &str| {
        assert_eq!(refusal::<ssm::DescribeInstanceInformationRequest>(&body), expected);
    };
    check(
        json!({"MaxResults": 1}),
        "1 validation error detected: Value '1' at 'maxResults' failed to satisfy constraint: \
         Member must have value greater than or equal to 5",
    );
    check(
        json!({"MaxResults": 9_999_999_999_999_i64}),
        "1 validation error detected: Value '9999999999999' at 'maxResults' failed to satisfy constraint: \
         Member must have value less than or equal to 50",
    );
    check(
        json!({"Filters": [{"Key": "PingStatus", "Values": ["Online"]}, {"Key": "", "Values": []}]}),
        "2 validation errors detected: Value '' at 'filters.2.member.key' failed to satisfy constraint: \
         Member must have length greater than or equal to 1; Value '[]' at 'filters.2.member.values' failed to \
         satisfy constraint: Member must have length greater than or equal to 1",
    );
    check(
        json!({"Filters": [{"Values": ["a"]}, null]}),
        "2 validation errors detected: Value null at 'filters.1.member.key' failed to satisfy constraint: \
         Member must not be null; Value null at 'filters.2.member' failed to satisfy constraint: \
         Member must not be null",
    );
    check(
        json!({"InstanceInformationFilterList": [{"key": "Colour", "valueSet": ["red"]}]}),
        "1 validation error detected: Value 'Colour' at 'instanceInformationFilterList.1.member.key' failed to \
         satisfy constraint: Member must satisfy enum value set: [InstanceIds, AgentVersion, PingStatus, \
         PlatformTypes, ActivationIds, IamRole, ResourceType, AssociationStatus]",
    );
}

#[test]
fn words_broken_elements_with_their_whole_list() {
    assert_eq!(
        refusal::<ssm::DescribeInstancePatchStatesRequest>(
            &json!({"InstanceIds": ["i-1", "mi-0123456789abcdef0"]})
        ),
        "1 validation error detected: Value '[i-1, mi-0123456789abcdef0]' at 'instanceIds' failed to satisfy \
         constraint: Member must satisfy constraint: [Member must satisfy regular expression pattern: \
         (^i-(\\w{8}|\\w{17})$)|(^mi-\\w{17}$)]"
    );
    assert_eq!(
        refusal::<ssm::RemoveTagsFromResourceRequest>(
            &json!({"ResourceType": "ManagedInstance", "ResourceId": "mi-1", "TagKeys": ["", "a"]})
        ),
        "1 validation error detected: Value '[, a]' at 'tagKeys' failed to satisfy constraint: Member must \
         satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater \
         than or equal to 1, Member must satisfy regular expression pattern: ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$]"
    );
    assert_eq!(
        refusal::<ssm::DescribeInstancePatchStatesRequest>(&json!({"InstanceIds": [null]})),
        "1 validation error detected: Value '[null]' at 'instanceIds' failed to satisfy constraint: \
         Member must satisfy constraint: [Member must not be null]"
    );
}

#[test]
fn words_broken_map_entries() {
    let item = |content: Value| {
        json!({"InstanceId": "mi-0123456789abcdef0", "Items": [{
            "TypeName": "AWS:Application", "SchemaVersion": "1.1",
            "CaptureTime": "2026-01-31T12:00:00Z", "Content": [content],
        }]})
    };
    assert_eq!(
        refusal::<ssm::PutInventoryRequest>(&item(json!({"": "x"}))),
        "1 validation error detected: Value '{=x}' at 'items.1.member.content.1.member' failed to satisfy \
         constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 64, Member \
         must have length greater than or equal to 1]"
    );
    let long = "y".repeat(4097);
    let message = refusal::<ssm::PutInventoryRequest>(&item(json!({"Name": long})));
    assert!(
        message.contains("Map value must satisfy constraint: [Member must have length less than"),
        "{message}"
    );
    assert!(message.len() < 2500, "the value is cut");
}

#[test]
fn never_echoes_what_is_sensitive() {
    let message = refusal::<ssm::RegisterManagedInstanceRequest>(
        &json!({"ActivationCode": "hunter2", "PublicKey": "k", "Fingerprint": "f"}),
    );
    assert_eq!(
        message,
        "1 validation error detected: Value at 'activationCode' failed to satisfy constraint: \
         Member must have length greater than or equal to 20"
    );
    let source = json!({"Name": "x", "Products": ["p"], "Configuration": "hunter2"});
    let message =
        refusal::<ssm::CreatePatchBaselineRequest>(&json!({"Name": "base", "Sources": vec![source; 21]}));
    assert!(message.contains("configuration=***"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");

    let request = ssm::RegisterManagedInstanceRequest {
        activation_code: Some("hunter2".to_owned()),
        public_key: "key".to_owned(),
        ..Default::default()
    };
    let debug = format!("{request:?}");
    assert!(debug.contains("activation_code: \"***\"") && debug.contains("public_key: \"key\""), "{debug}");
}

#[test]
fn refuses_wrong_json_types() {
    let check = |body: &str, expected: &str| {
        let error = decode::<ssm::SendCommandRequest>(body.as_bytes()).unwrap_err();
        assert_eq!(error, DecodeError::Serialization(expected.to_owned()), "{body}");
    };
    check("[]", "Start of list found where not expected");
    check("\"x\"", "STRING_VALUE can not be converted to a structure");
    check("null", "NULL_VALUE can not be converted to a structure");
    check(r#"{"DocumentName": 1}"#, "NUMBER_VALUE can not be converted to a String at 'documentName'");
    check(
        r#"{"TimeoutSeconds": "60"}"#,
        "STRING_VALUE can not be converted to an Integer at 'timeoutSeconds'",
    );
    check(
        r#"{"TimeoutSeconds": 60.5}"#,
        "NUMBER_VALUE can not be converted to an Integer at 'timeoutSeconds'",
    );
    check(r#"{"InstanceIds": true}"#, "TRUE_VALUE can not be converted to a list at 'instanceIds'");
    check(
        r#"{"Parameters": {"commands": "ls"}}"#,
        "STRING_VALUE can not be converted to a list at 'parameters.commands.member'",
    );
    check(
        r#"{"Targets": [{"Values": [{}]}]}"#,
        "Start of structure or map found where not expected at 'targets.1.member.values.1.member'",
    );

    let deep = "[".repeat(100_000);
    for body in ["{", "{}}", "nul", "\u{feff}{}", deep.as_str(), "{\"a\":1e999}"] {
        let error = decode::<ssm::SendCommandRequest>(body.as_bytes()).unwrap_err();
        assert!(matches!(error, DecodeError::Serialization(_)), "{error:?}");
    }
    assert!(decode::<ssm::SendCommandRequest>(b"\xff").is_err());
}

#[test]
fn takes_null_for_absent_and_skips_unknown_members() {
    let request: ssm::GetPatchBaselineRequest =
        decode(br#"{"BaselineId": "pb-0123456789abcdef0", "Surprise": {"a": [1]}}"#).unwrap();
    assert_eq!(request.baseline_id, "pb-0123456789abcdef0");
    let request: ssm::DescribeInstanceInformationRequest =
        decode(br#"{"MaxResults": null, "NextToken": null}"#).unwrap();
    assert_eq!(request, ssm::DescribeInstanceInformationRequest::default());
    assert!(decode::<ssm::DescribeActivationsRequest>(b"").is_ok());
}

#[test]
fn reads_times_and_bytes() {
    let request: ssm::CreateActivationRequest =
        decode(br#"{"IamRole": "r", "ExpirationDate": "2026-01-31T12:00:00Z"}"#).unwrap();
    assert_eq!(request.expiration_date.unwrap().as_seconds(), 1_769_860_800);
    assert!(
        refusal::<ssm::CreateActivationRequest>(&json!({"IamRole": "r", "ExpirationDate": "soon"}))
            .contains("can not be converted to a Timestamp at 'expirationDate'")
    );

    let facts = fettle::PutNodeFactsRequest {
        instance_id: "mi-0123456789abcdef0".to_owned(),
        facts_hash: "0".repeat(64),
        observation: "{}".to_owned(),
        facts: Some(crate::Blob(vec![0, 1, 255])),
    };
    assert_eq!(decode::<fettle::PutNodeFactsRequest>(&encode(&facts)).unwrap(), facts);
    let mut body = serde_json::to_value(&facts).unwrap();
    assert_eq!(body["Facts"], "AAH/");
    body["Facts"] = json!("not base64!");
    assert_eq!(refusal::<fettle::PutNodeFactsRequest>(&body), "not base64 at 'Facts'");
}

#[test]
fn keeps_unlisted_enum_texts_outside_of_requests() {
    let read: ssm::InstanceInformation =
        super::decode_response(br#"{"PingStatus": "Snoozing", "PlatformType": "Linux"}"#).unwrap();
    assert_eq!(read.ping_status, Some(ssm::PingStatus::Unknown("Snoozing".to_owned())));
    assert_eq!(read.platform_type, Some(ssm::PlatformType::Linux));
    assert_eq!(encode(&read), br#"{"PingStatus":"Snoozing","PlatformType":"Linux"}"#);
}

#[test]
fn says_where_a_response_is_not_what_it_should_be() {
    let body = br#"{"Commands": [{"NotificationConfig": {"NotificationEvents": "All"}}]}"#;
    assert_eq!(
        super::decode_response::<ssm::ListCommandsResult>(body).unwrap_err().to_string(),
        "STRING_VALUE can not be converted to a list at 'Commands.NotificationConfig.NotificationEvents'"
    );
}

#[test]
fn every_pattern_compiles() {
    let all = [
        ssm::schemas::PATTERNS,
        mds::schemas::PATTERNS,
        fettle::schemas::PATTERNS,
        crate::quicksetup::schemas::PATTERNS,
    ]
    .concat();
    assert!(all.len() > 15);
    for pattern in all {
        let compiled = regex::Regex::new(pattern.translated());
        assert!(compiled.is_ok(), "{}: {compiled:?}", pattern.source());
    }
}

#[test]
fn patterns_match_as_java_does() {
    let pattern = |source: &str| {
        let found = ssm::schemas::PATTERNS.iter().find(|pattern| pattern.source() == source);
        found.unwrap_or_else(|| panic!("no pattern {source}"))
    };
    let node = pattern(r"(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)");
    assert!(node.matches("i-12345678") && node.matches("mi-0123456789abcdef0"));
    for text in ["i-1234567é", "xi-12345678", "i-12345678\n", "i-123456789", ""] {
        assert!(!node.matches(text), "{text:?}");
    }
    let not_blank = pattern(r"^(?!\s*$).+");
    assert!(not_blank.matches(" a ") && !not_blank.matches("  ") && !not_blank.matches("a\nb"));
    let kind = pattern("^(AWS|Custom):.*$");
    assert!(kind.matches("Custom:") && !kind.matches("XAWS:a") && !kind.matches("AWS:a\rb"));
}

/// Every name a request of the service can carry, so that random JSON gets past the first level.
fn member_names(schema: &Schema, found: &mut Vec<&'static str>) {
    match &schema.kind {
        Kind::Structure(members) => {
            for member in *members {
                if !found.contains(&member.name) {
                    found.push(member.name);
                    member_names(member.schema, found);
                }
            }
        }
        Kind::List { element, .. } => member_names(element, found),
        Kind::Map { value, .. } => member_names(value, found),
        _ => {}
    }
}

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let mut names = vec![];
    ssm::Operation::ALL.iter().for_each(|operation| member_names(operation.input_schema(), &mut names));
    mds::Operation::ALL.iter().for_each(|operation| member_names(operation.input_schema(), &mut names));
    fettle::Operation::ALL.iter().for_each(|operation| member_names(operation.input_schema(), &mut names));
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        let key =
            prop_oneof![8 => proptest::sample::select(names.clone()).prop_map(str::to_owned), 1 => ".{0,8}"];
        let object = proptest::collection::vec((key, inner.clone()), 0..8);
        prop_oneof![
            proptest::collection::vec(inner, 0..8).prop_map(Value::from),
            object.prop_map(|entries| Value::from(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_panics_any_operation(value in arbitrary_json()) {
        let body = encode(&value);
        for operation in ssm::Operation::ALL { let _ = operation.try_decode(&body); }
        for operation in mds::Operation::ALL { let _ = operation.try_decode(&body); }
        for operation in fettle::Operation::ALL { let _ = operation.try_decode(&body); }
    }

    #[test]
    fn no_bytes_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode::<ssm::SendCommandRequest>(&body);
    }
}
