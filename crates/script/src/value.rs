//! JSON as Python values, and back: as `json.loads` and `json.dumps` have it.

use monty_types::{DictPairs, MontyObject};
use serde_json::{Map, Number, Value};

/// Deeper values are no data that somebody reads.
const MOST_LEVELS: usize = 100;

pub fn to_python(value: Value) -> MontyObject {
    match value {
        Value::Null => MontyObject::None,
        Value::Bool(value) => MontyObject::Bool(value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => MontyObject::Int(whole),
            (None, Some(whole)) => MontyObject::BigInt(whole.into()),
            (None, None) => MontyObject::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => MontyObject::String(text),
        Value::Array(values) => MontyObject::List(values.into_iter().map(to_python).collect()),
        Value::Object(map) => {
            let pair = |(name, value)| (MontyObject::String(name), to_python(value));
            MontyObject::Dict(map.into_iter().map(pair).collect::<DictPairs>())
        }
    }
}

/// The reason, where it has no JSON form.
pub fn to_json(object: &MontyObject) -> Result<Value, String> {
    convert(object, MOST_LEVELS)
}

fn convert(object: &MontyObject, levels: usize) -> Result<Value, String> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(format!("it is nested more than {MOST_LEVELS} levels deep"));
    };
    let list = |values: &[MontyObject]| {
        let values = values.iter().map(|value| convert(value, levels));
        values.collect::<Result<Vec<_>, String>>().map(Value::Array)
    };
    match object {
        MontyObject::None => Ok(Value::Null),
        MontyObject::Bool(value) => Ok(Value::Bool(*value)),
        MontyObject::Int(whole) => Ok(Value::from(*whole)),
        MontyObject::BigInt(whole) => {
            let whole = u64::try_from(whole).map_err(|_| format!("the number {whole} is too large"))?;
            Ok(Value::from(whole))
        }
        MontyObject::Float(number) => {
            let number = Number::from_f64(*number).ok_or_else(|| format!("{number} is no JSON number"))?;
            Ok(Value::Number(number))
        }
        MontyObject::String(text) => Ok(Value::String(text.clone())),
        MontyObject::List(values) | MontyObject::Tuple(values) | MontyObject::NamedTuple { values, .. } => {
            list(values)
        }
        MontyObject::Dict(pairs) => {
            let pairs = pairs.iter().map(|(name, value)| Ok((key(name)?, convert(value, levels)?)));
            pairs.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        MontyObject::Cycle(..) => Err("it contains itself".to_owned()),
        other => Err(format!("an object of type {} is not JSON serializable", other.type_name())),
    }
}

/// What `json.dumps` makes a text of.
fn key(name: &MontyObject) -> Result<String, String> {
    match name {
        MontyObject::String(text) => Ok(text.clone()),
        MontyObject::Bool(value) => Ok(value.to_string()),
        MontyObject::None => Ok("null".to_owned()),
        MontyObject::Int(_) | MontyObject::BigInt(_) | MontyObject::Float(_) => Ok(name.to_string()),
        other => Err(format!("keys must be str, int, float, bool or None, not {}", other.type_name())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_passes_both_ways() {
        let value = json!({"a": [1, -2, 1.5, true, null, "é"], "m": {"deep": [[]]}, "big": u64::MAX});
        assert_eq!(to_json(&to_python(value.clone())).unwrap(), value);
    }

    #[test]
    fn what_is_no_json_is_refused_with_the_reason() {
        let text = |text: &str| MontyObject::String(text.to_owned());
        let pairs = |pairs: Vec<_>| MontyObject::Dict(pairs.into());
        let mut deep = MontyObject::List(vec![]);
        for _ in 0..150 {
            deep = MontyObject::List(vec![deep]);
        }
        let rows = [
            (MontyObject::Float(f64::NAN), Err("NaN is no JSON number")),
            (MontyObject::Bytes(vec![1]), Err("type bytes is not JSON serializable")),
            (MontyObject::Set(vec![]), Err("type set is not JSON serializable")),
            (MontyObject::Cycle(1, "[...]".to_owned()), Err("contains itself")),
            (pairs(vec![(MontyObject::Tuple(vec![]), MontyObject::None)]), Err("keys must be str")),
            (deep, Err("more than 100 levels")),
            (MontyObject::Tuple(vec![text("a")]), Ok(json!(["a"]))),
            (
                pairs(vec![(MontyObject::Int(1), MontyObject::None), (MontyObject::Bool(true), text("x"))]),
                Ok(json!({"1": null, "true": "x"})),
            ),
        ];
        for (object, expected) in rows {
            match (to_json(&object), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(reason), Err(expected)) => assert!(reason.contains(expected), "{reason}"),
                (found, expected) => panic!("{found:?}, not {expected:?}"),
            }
        }
    }
}
