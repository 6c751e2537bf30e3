//! Pseudo parameters: `{{WINDOW_ID}}` and its like in what a task is run with.
//! Source: spec systems-manager 4.3.

use serde_json::Value;

/// Replaces them in every text within `value`. What is not among `known` stays: it may be the document's own.
pub(super) fn fill(value: &mut Value, known: &[(&str, &str)]) {
    match value {
        Value::String(text) => *text = filled(text, known),
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, known)),
        Value::Object(members) => members.values_mut().for_each(|value| fill(value, known)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// One pass: what was filled in is not looked at again.
pub(super) fn filled(text: &str, known: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        let (before, after) = rest.split_at(open);
        out.push_str(before);
        let named = after[2..].split_once("}}").and_then(|(name, behind)| {
            let (_, value) = known.iter().find(|(known, _)| *known == name.trim_matches(' '))?;
            Some((*value, behind))
        });
        match named {
            Some((value, behind)) => {
                out.push_str(value);
                rest = behind;
            }
            // Not ours: past the first bracket only, the second may open the next.
            None => {
                out.push('{');
                rest = &after[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_what_is_known_and_leaves_the_rest() {
        let known = [("WINDOW_ID", "mw-1"), ("TARGET_TYPE", "{{WINDOW_ID}}")];
        let rows = [
            ("{{WINDOW_ID}}", "mw-1"),
            ("a {{ WINDOW_ID }}/{{WINDOW_ID}} b", "a mw-1/mw-1 b"),
            ("{{window_id}}", "{{window_id}}"),
            ("{{TARGET_ID}}", "{{TARGET_ID}}"),
            ("{{{WINDOW_ID}}}", "{mw-1}"),
            ("{{TARGET_TYPE}}", "{{WINDOW_ID}}"),
            ("{{WINDOW_ID", "{{WINDOW_ID"),
            ("ü{{", "ü{{"),
            ("{{ssm:name}} {{WINDOW_ID}}", "{{ssm:name}} mw-1"),
        ];
        for (text, expected) in rows {
            let mut value = serde_json::json!({"Parameters": {"commands": [text, 1, null]}});
            fill(&mut value, &known);
            assert_eq!(value["Parameters"]["commands"][0], expected, "{text}");
        }
    }
}
