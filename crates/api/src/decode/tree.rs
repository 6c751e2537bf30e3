//! JSON as it stands in a body: texts without escapes are borrowed from it. Of a repeated name the
//! last value counts, for the constraint walk and for the typed value alike.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

pub enum Json<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// Entries in the order of their names' first mention; names are unique.
#[derive(Default)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

/// Up to here names are compared one by one.
const FEW: usize = 24;

impl<'a> Object<'a> {
    pub fn get(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value))
    }

    fn from_entries(entries: Vec<(Cow<'a, str>, Json<'a>)>) -> Self {
        let repeats = match entries.len() {
            0 | 1 => false,
            2..=FEW => (1..entries.len()).any(|i| entries[..i].iter().any(|(key, _)| *key == entries[i].0)),
            _ => true,
        };
        if repeats { Self(last_of_each(entries)) } else { Self(entries) }
    }
}

/// Takes any number of entries without comparing each to each.
fn last_of_each<'a>(entries: Vec<(Cow<'a, str>, Json<'a>)>) -> Vec<(Cow<'a, str>, Json<'a>)> {
    let mut places: HashMap<Cow<'a, str>, usize> = HashMap::with_capacity(entries.len());
    let mut kept: Vec<(Cow<'a, str>, Json<'a>)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if let Some(&place) = places.get(&key) {
            kept[place].1 = value;
        } else {
            places.insert(key.clone(), kept.len());
            kept.push((key, value));
        }
    }
    kept
}

impl<'a> Json<'a> {
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    pub fn as_number(&self) -> Option<&Number> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    pub fn as_array(&self) -> Option<&[Json<'a>]> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    pub fn as_object(&self) -> Option<&Object<'a>> {
        if let Self::Object(entries) = self { Some(entries) } else { None }
    }

    /// That it is not `wanted`, in AWS's words. The value is not shown: it may be secret.
    pub fn unlike(&self, wanted: &str) -> String {
        let found = match self {
            Self::Array(_) => return "Start of list found where not expected".to_owned(),
            Self::Object(_) => return "Start of structure or map found where not expected".to_owned(),
            Self::Null => "NULL_VALUE",
            Self::Bool(true) => "TRUE_VALUE",
            Self::Bool(false) => "FALSE_VALUE",
            Self::Number(_) => "NUMBER_VALUE",
            Self::Text(_) => "STRING_VALUE",
        };
        format!("{found} can not be converted to {wanted}")
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Whole)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
        // The parser has refused what is not finite.
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some(element) = elements.next_element()? {
            all.push(element);
        }
        Ok(Json::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json<'de>, A::Error> {
        let mut all = Vec::new();
        while let Some(Name(key)) = entries.next_key()? {
            all.push((key, entries.next_value()?));
        }
        Ok(Json::Object(Object::from_entries(all)))
    }
}

/// A member's name. (Serde's own `Cow` never borrows.)
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::ssm::PutInventoryRequest;

    fn to_value(json: &Json<'_>) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => (*value).into(),
            Json::Number(number) => number.clone().into(),
            Json::Text(text) => text.as_ref().into(),
            Json::Array(elements) => elements.iter().map(to_value).collect(),
            Json::Object(entries) => entries.iter().map(|(key, value)| (key, to_value(value))).collect(),
        }
    }

    #[test]
    fn the_last_of_a_repeated_name_counts() {
        let body = r#"{"InstanceId": 1, "Items": [{"TypeName": "Custom:A", "SchemaVersion": "1.0", "TypeName": "Custom:B",
            "CaptureTime": "2026-01-31T12:00:00Z", "Content": [{"a": 5, "b": "x", "\u0061": "y"}]}],
            "InstanceId": "mi-0123456789abcdef0"}"#;
        let request: PutInventoryRequest = crate::decode(body.as_bytes()).unwrap();
        assert_eq!(request.instance_id, "mi-0123456789abcdef0");
        assert_eq!(request.items[0].type_name, "Custom:B");
        let entries: Vec<_> = request.items[0].content.as_ref().unwrap()[0].iter().collect();
        assert_eq!(entries, [(&"a".to_owned(), &"y".to_owned()), (&"b".to_owned(), &"x".to_owned())]);
    }

    #[test]
    fn borrows_what_has_no_escapes() {
        let json: Json<'_> = serde_json::from_str(r#"["plain", "esc\u0061ped"]"#).unwrap();
        let Json::Array(texts) = &json else { panic!("not an array") };
        assert!(matches!(&texts[0], Json::Text(Cow::Borrowed("plain"))));
        assert!(matches!(&texts[1], Json::Text(Cow::Owned(text)) if text == "escaped"));
    }

    proptest! {
        /// Few names and many entries: repeats are sure to be among them.
        #[test]
        fn equals_the_general_parser(entries in proptest::collection::vec(("[a-d]{1,2}", any::<i32>()), 0..80)) {
            let text: Vec<String> = entries.iter().map(|(name, number)| format!("{name:?}: {number}")).collect();
            let text = format!("[{{{}}}, null, true, -1, 0.5, 18446744073709551615, \"\\n\"]", text.join(","));
            let json: Json<'_> = serde_json::from_str(&text).unwrap();
            let general: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(to_value(&json).to_string(), general.to_string());
        }
    }
}
