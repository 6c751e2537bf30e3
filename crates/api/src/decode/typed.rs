//! The typed value of a JSON tree that has passed its checks. A structure is asked for its own
//! members, so that unknown ones cost nothing and `null` is the same as absent.

use serde::Deserializer;
use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;

use super::tree::Json;

impl<'de> IntoDeserializer<'de, Error> for &'de Json<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Json<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Json::Null => visitor.visit_unit(),
            Json::Bool(value) => visitor.visit_bool(*value),
            Json::Number(number) => number.deserialize_any(visitor),
            Json::Text(text) => visitor.visit_borrowed_str(text),
            Json::Array(elements) => visitor.visit_seq(SeqDeserializer::new(elements.iter())),
            Json::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| (BorrowedStrDeserializer::new(key), value));
                visitor.visit_map(MapDeserializer::new(entries))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Json::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Json::Object(entries) = self else {
            return self.deserialize_any(visitor);
        };
        let present = fields.iter().filter_map(|field| {
            let value = entries.get(field).filter(|value| !matches!(value, Json::Null))?;
            Some((BorrowedStrDeserializer::new(field), value))
        });
        visitor.visit_map(MapDeserializer::new(present))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
