//! Values as constraint messages show them: `text`, `[a, b]`, `{key=value}`, `Tag(key=a, value=b)`.

use super::tree::Json;
use crate::schema::{Kind, Schema};

/// Longer values are cut, so that a message cannot outgrow its request.
const SHOWN_BYTES: usize = 2048;

pub fn shown(schema: &Schema, value: &Json<'_>) -> String {
    let mut out = String::new();
    write(&mut out, schema, value);
    if out.len() > SHOWN_BYTES {
        out.truncate(out.floor_char_boundary(SHOWN_BYTES));
        out.push_str("...");
    }
    out
}

fn write(out: &mut String, schema: &Schema, value: &Json<'_>) {
    if out.len() > SHOWN_BYTES {
        return;
    }
    match (value, &schema.kind) {
        _ if schema.sensitive => out.push_str("***"),
        (Json::Text(text), _) => out.push_str(&text[..text.floor_char_boundary(SHOWN_BYTES + 1)]),
        (Json::Array(elements), Kind::List { element, .. }) => {
            separated(out, ('[', ']'), elements, |out, value| write(out, element, value));
        }
        (Json::Object(entries), Kind::Map { value: of, .. }) => {
            separated(out, ('{', '}'), entries.iter(), |out, (key, value)| {
                out.push_str(&key[..key.floor_char_boundary(SHOWN_BYTES + 1)]);
                out.push('=');
                write(out, of, value);
            });
        }
        (Json::Object(entries), Kind::Structure(members)) => {
            out.push_str(schema.name);
            let present = members.iter().filter_map(|member| Some((member, entries.get(member.name)?)));
            separated(out, ('(', ')'), present, |out, (member, value)| {
                out.push_str(member.path);
                out.push('=');
                write(out, member.schema, value);
            });
        }
        (Json::Null, _) => out.push_str("null"),
        (Json::Bool(flag), _) => out.push_str(if *flag { "true" } else { "false" }),
        (Json::Number(number), _) => out.push_str(&number.to_string()),
        // A mismatch of types has been refused before anything is shown.
        (Json::Array(_) | Json::Object(_), _) => out.push_str("..."),
    }
}

fn separated<T>(
    out: &mut String,
    (open, close): (char, char),
    items: impl IntoIterator<Item = T>,
    mut write_item: impl FnMut(&mut String, T),
) {
    out.push(open);
    for (i, item) in items.into_iter().enumerate() {
        if out.len() > SHOWN_BYTES {
            break;
        }
        if i > 0 {
            out.push_str(", ");
        }
        write_item(out, item);
    }
    out.push(close);
}
