//! Inventory of the operator's own: JSON files in a folder of this node.
//! Source: spec agent-protocol 6.3.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{Entry, Item};

/// Below the agent's data folder.
const FOLDER: &str = "inventory/custom";
const MOST_TYPES: usize = 20;
const MOST_ATTRIBUTES: usize = 50;
const MOST_NAME_CHARS: usize = 64;
const MOST_VALUE_CHARS: usize = 4096;
const MOST_FILE_BYTES: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    schema_version: String,
    type_name: String,
    content: Value,
}

/// What can be read, and of each other file why not.
pub fn gather(data_dir: &Path, folder: &str) -> (Vec<Item>, Vec<String>) {
    let folder = if folder.is_empty() { data_dir.join(FOLDER) } else { PathBuf::from(folder) };
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")));
    paths.sort_unstable();
    let (mut items, mut notes): (Vec<Item>, Vec<String>) = Default::default();
    for path in paths {
        let refused = |reason: String| format!("{}: left out: {reason}", path.display());
        match read(&path) {
            Ok(item) if items.iter().any(|known| known.type_name == item.type_name) => {
                notes.push(refused(format!("{} is in another file, too", item.type_name)));
            }
            Ok(_) if items.len() == MOST_TYPES => {
                notes.push(refused(format!("a node has at most {MOST_TYPES} types")))
            }
            Ok(item) => items.push(item),
            Err(reason) => notes.push(refused(reason)),
        }
    }
    (items, notes)
}

fn read(path: &Path) -> Result<Item, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MOST_FILE_BYTES {
        return Err(format!("it has {size} bytes; at most {MOST_FILE_BYTES} are taken"));
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    parse(text.trim_start_matches('\u{feff}'))
}

fn parse(text: &str) -> Result<Item, String> {
    let Written { schema_version, type_name, content } =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let name = type_name.strip_prefix("Custom:").unwrap_or_default();
    if name.is_empty() || type_name.chars().count() > 100 {
        return Err(format!("TypeName `{}` is not Custom:NAME", type_name.escape_debug()));
    }
    let is_number = |text: &str| (1..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !schema_version.split_once('.').is_some_and(|(major, minor)| is_number(major) && is_number(minor)) {
        return Err(format!("SchemaVersion `{}` is not such as 1.0", schema_version.escape_debug()));
    }
    let content = match content {
        Value::Array(entries) => entries.iter().map(entry).collect::<Result<_, _>>()?,
        one => vec![entry(&one)?],
    };
    Ok(Item { type_name, schema_version, content })
}

/// Texts; numbers and truth values are taken as their text.
fn entry(value: &Value) -> Result<Entry, String> {
    let members = value.as_object().ok_or("Content is not an object or a list of objects")?;
    if members.len() > MOST_ATTRIBUTES {
        return Err(format!("an entry has {} attributes; at most {MOST_ATTRIBUTES}", members.len()));
    }
    let text = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            _ => return Err(format!("the attribute `{name}` is not a text")),
        };
        let is_short = name.chars().count() <= MOST_NAME_CHARS && value.chars().count() <= MOST_VALUE_CHARS;
        if is_short { Ok((name.clone(), value)) } else { Err(format!("the attribute `{name}` is too long")) }
    };
    members.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_well_formed_and_names_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(FOLDER);
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        write(
            "a.json",
            r#"{"SchemaVersion":"1.0","TypeName":"Custom:Rack","Content":{"Row":"3","Height":42}}"#,
        );
        write("b.json", r#"{"SchemaVersion":"1.0","TypeName":"AWS:Application","Content":[]}"#);
        write(
            "c.json",
            r#"{"SchemaVersion":"1.0","TypeName":"Custom:Rack","Content":[{"Row":"4"},{"Row":"5"}]}"#,
        );
        write("d.json", "{");
        write("e.txt", "not asked for");
        let (items, notes) = gather(dir.path(), "");
        assert_eq!((items.len(), notes.len()), (1, 3), "{notes:?}");
        assert_eq!(
            (items[0].content[0]["Row"].as_str(), items[0].content[0]["Height"].as_str()),
            ("3", "42")
        );
        assert_eq!(gather(dir.path(), "/nowhere/at/all").0, vec![]);
    }

    #[test]
    fn refuses_what_the_server_would() {
        let many: String = (0..51).map(|n| format!("\"a{n}\":\"\",")).collect();
        for wrong in [
            r#"{"SchemaVersion":"1","TypeName":"Custom:A","Content":{}}"#.to_owned(),
            r#"{"SchemaVersion":"1.0","TypeName":"Custom:","Content":{}}"#.to_owned(),
            r#"{"SchemaVersion":"1.0","TypeName":"Custom:A","Content":{"a":{}}}"#.to_owned(),
            r#"{"SchemaVersion":"1.0","TypeName":"Custom:A","Content":"x"}"#.to_owned(),
            format!(
                r#"{{"SchemaVersion":"1.0","TypeName":"Custom:A","Content":{{{}}}}}"#,
                many.trim_end_matches(',')
            ),
        ] {
            assert!(parse(&wrong).is_err(), "{wrong}");
        }
    }
}
