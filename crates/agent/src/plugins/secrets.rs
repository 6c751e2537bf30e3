//! Secrets of Parameter Store, for the few inputs that take them: `{{ssm-secure:NAME}}` in credentials of downloads and in
//! arguments of packages. They are asked for when they are used, live in memory alone, and are taken out of what a step says.
//! Source: spec agent-protocol 9.1; docs/decisions, Parameter Store.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use domain::parameter::{references, substitute_secrets};
use serde_json::{Map, Value};

use super::stored_parameters::fetch_secrets;

/// In the place of a secret.
const CONCEALED: &str = "****";
/// A line of a longer secret that is no shorter is looked for by itself.
const TELLING_LINE_CHARS: usize = 8;

/// By the names by which they were asked for. Nothing prints them.
#[derive(Clone, Default)]
pub struct Secrets {
    values: BTreeMap<String, String>,
    /// Other forms that give a value away.
    forms: Vec<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.values.keys()).finish()
    }
}

impl Secrets {
    /// What `members` refers to, as far as it is in one of those that take secrets. Another one that refers to a secret is refused,
    /// by its name below `place`; where none does, nobody is asked.
    pub async fn of_members(
        data_dir: &Path,
        (place, members): (&str, &Map<String, Value>),
        takers: &[&str],
    ) -> Result<Self, String> {
        Self::fetch(data_dir, wanted((place, members), takers)?).await
    }

    /// What a list of texts refers to.
    pub async fn of_texts(data_dir: &Path, texts: impl Iterator<Item = &str>) -> Result<Self, String> {
        let mut found = BTreeSet::new();
        texts.for_each(|text| domain::parameter::references_in_text(text, &mut found));
        let names = found.into_iter().filter(|reference| reference.is_secure);
        Self::fetch(data_dir, names.map(|reference| reference.name).collect()).await
    }

    async fn fetch(data_dir: &Path, names: BTreeSet<String>) -> Result<Self, String> {
        if names.is_empty() {
            return Ok(Self::default());
        }
        let stored = fetch_secrets(data_dir, names).await?;
        let values = stored.into_iter().map(|(name, stored)| (name, stored.value)).collect();
        Ok(Self { values, forms: Vec::new() })
    }

    /// A text with the secrets that it refers to.
    pub fn fill(&self, text: &str) -> String {
        substitute_secrets(text, &self.values)
    }

    /// The same of the members of an object that are texts.
    pub fn fill_members(&self, members: &mut Map<String, Value>) {
        for value in members.values_mut() {
            if let Value::String(text) = value {
                *text = self.fill(text);
            }
        }
    }

    /// Another form of a secret, which is to be taken out as well.
    pub fn add_form(&mut self, form: &str) {
        if !self.values.is_empty() {
            self.forms.push(form.to_owned());
        }
    }

    /// A text without them.
    pub fn conceal(&self, text: &str) -> String {
        let values = self.values.values().map(|value| value.trim());
        let lines = self.values.values().filter(|value| value.trim().contains('\n')).flat_map(|value| {
            value.lines().map(str::trim).filter(|line| line.chars().count() >= TELLING_LINE_CHARS)
        });
        let mut telling: Vec<&str> =
            values.chain(lines).chain(self.forms.iter().map(String::as_str)).collect();
        // What contains another one goes first, else its rest would stay.
        telling.sort_by_key(|part| std::cmp::Reverse(part.len()));
        let telling = telling.into_iter().filter(|part| !part.is_empty());
        telling.fold(text.to_owned(), |text, part| text.replace(part, CONCEALED))
    }
}

/// The names of secrets in members that take them.
fn wanted(
    (place, members): (&str, &Map<String, Value>),
    takers: &[&str],
) -> Result<BTreeSet<String>, String> {
    let mut names = BTreeSet::new();
    for (member, value) in members {
        let mut found = BTreeSet::new();
        references(value, &mut found);
        for reference in found {
            let name = &reference.name;
            if !reference.is_secure {
                return Err(format!("{place}.{member}: `{{{{ssm:{name}}}}}` has no value"));
            }
            if !takers.contains(&member.as_str()) || !value.is_string() {
                let takers = match takers {
                    [] => "no member of it does".to_owned(),
                    takers => format!("{} may", takers.join(", ")),
                };
                return Err(format!(
                    "{place}.{member} takes no secret (`{{{{ssm-secure:{name}}}}}`); {takers}"
                ));
            }
            names.insert(reference.name);
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets(values: &[(&str, &str)]) -> Secrets {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Secrets { values: values.collect(), forms: Vec::new() }
    }

    #[test]
    fn some_members_take_secrets() {
        let of =
            |members: Value| wanted(("sourceInfo", members.as_object().unwrap()), &["username", "password"]);
        let found = of(
            json!({"url": "https://x", "username": "u-{{ssm-secure:/u:2}}", "password": "{{ ssm-secure:p }}"}),
        );
        assert_eq!(found, Ok(BTreeSet::from(["/u:2".to_owned(), "p".to_owned()])));
        assert_eq!(of(json!({"url": "https://x", "n": 1})), Ok(BTreeSet::new()));
        for (members, expected) in [
            (
                json!({"url": "https://x/{{ssm-secure:p}}"}),
                "sourceInfo.url takes no secret (`{{ssm-secure:p}}`); username",
            ),
            (json!({"password": ["{{ssm-secure:p}}"]}), "sourceInfo.password takes no secret"),
            (json!({"password": "{{ssm:p}}"}), "`{{ssm:p}}` has no value"),
        ] {
            let refused = of(members).unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
        let none = wanted(("sourceInfo", json!({"path": "{{ssm-secure:p}}"}).as_object().unwrap()), &[]);
        assert!(none.unwrap_err().ends_with("no member of it does"));
    }

    #[test]
    fn secrets_are_filled_in_and_taken_out_again() {
        let mut secrets =
            secrets(&[("p", "s3\"cret"), ("long", "s3\"cret-too\n"), ("key", "-- BEGIN --\nabcdefgh\nx\n")]);
        let mut members = json!({"password": "{{ssm-secure:p}}", "n": 1}).as_object().unwrap().clone();
        secrets.fill_members(&mut members);
        assert_eq!(Value::Object(members), json!({"password": "s3\"cret", "n": 1}));
        secrets.add_form("dTpz");
        let said = secrets.conceal("a s3\"cret b s3\"cret-too c abcdefgh d dTpz x");
        assert_eq!(said, "a **** b **** c **** d **** x");
        assert_eq!(format!("{secrets:?}"), r#"Secrets(["key", "long", "p"])"#);
        let mut none = Secrets::default();
        none.add_form("word");
        assert_eq!(none.conceal("word"), "word");
    }
}
