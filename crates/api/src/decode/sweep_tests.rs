//! Every operation takes a valid request, and refuses it with each single constraint broken.

use serde_json::Value;

use super::{DecodeError, encode};
use crate::sample::{Broken, Fault, broken, valid};
use crate::schema::Schema;
use crate::{fettle, mds, quicksetup, resourcegroups, ssm};

type TryDecode = Box<dyn Fn(&[u8]) -> Result<(), DecodeError>>;

fn operations() -> Vec<(&'static str, &'static Schema, TryDecode)> {
    let mut all: Vec<(&'static str, &'static Schema, TryDecode)> = vec![];
    for operation in ssm::Operation::ALL {
        let decode: TryDecode = Box::new(|body| operation.try_decode(body));
        all.push((operation.name(), operation.input_schema(), decode));
    }
    for operation in mds::Operation::ALL {
        let decode: TryDecode = Box::new(|body| operation.try_decode(body));
        all.push((operation.name(), operation.input_schema(), decode));
    }
    for operation in fettle::Operation::ALL {
        let decode: TryDecode = Box::new(|body| operation.try_decode(body));
        all.push((operation.name(), operation.input_schema(), decode));
    }
    for operation in quicksetup::Operation::ALL {
        let decode: TryDecode = Box::new(|body| operation.try_decode(body));
        all.push((operation.name(), operation.input_schema(), decode));
    }
    for operation in resourcegroups::Operation::ALL {
        let decode: TryDecode = Box::new(|body| operation.try_decode(body));
        all.push((operation.name(), operation.input_schema(), decode));
    }
    all
}

#[test]
fn every_operation_takes_a_valid_request() {
    for (name, schema, decode) in operations() {
        let request = valid(schema).unwrap_or_else(|| panic!("{name}: a pattern has no sample text"));
        assert_eq!(decode(&encode(&request)), Ok(()), "{name}: {request}");
    }
}

#[test]
fn every_operation_refuses_every_broken_constraint() {
    let mut checked = 0;
    for (name, schema, decode) in operations() {
        for Broken { value, fault, at } in broken(schema) {
            let verdict = decode(&encode(&value));
            let phrase = match fault {
                Fault::Absent => "Member must not be null",
                Fault::TooShort => "length greater than or equal to",
                Fault::TooLong => "length less than or equal to",
                Fault::TooSmall => "value greater than or equal to",
                Fault::TooLarge => "value less than or equal to",
                Fault::Pattern => "regular expression pattern",
                Fault::Enum => "Member must satisfy enum value set: [",
                Fault::WrongType => "",
            };
            let expected = match (&verdict, fault) {
                (Err(DecodeError::Serialization(_)), Fault::WrongType) => true,
                (Err(DecodeError::Validation(message)), _) => message.contains(phrase),
                _ => false,
            };
            assert!(expected, "{name} {at} {fault:?}: {verdict:?} for {}", shortened(&value));
            checked += 1;
        }
    }
    assert!(checked > 1000, "only {checked} faults were tried");
}

fn shortened(value: &Value) -> String {
    value.to_string().chars().take(500).collect()
}
