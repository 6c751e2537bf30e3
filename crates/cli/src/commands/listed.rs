//! What lists have in common: all of their pages, and finding one entry by the beginning of its id.

use anyhow::bail;

use crate::client::ClientError;

/// Of one page.
pub const PAGE: i32 = 50;
/// An id as a whole.
const WHOLE: usize = 36;

/// Everything that `page` lists; it is given the token of the page before and tells that of the next.
pub fn all<T>(
    mut page: impl FnMut(Option<String>) -> Result<(Vec<T>, Option<String>), ClientError>,
) -> Result<Vec<T>, ClientError> {
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let (entries, next) = page(token)?;
        found.extend(entries);
        token = next;
        if token.is_none() {
            return Ok(found);
        }
    }
}

/// What is looked for, in the words of its messages.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    /// The command that lists them.
    pub listed_by: &'static str,
}

/// The id that `text` is, or begins. `list` is asked only where it is not a whole one.
pub fn id<T>(
    text: &str,
    kind: Kind,
    list: impl FnOnce() -> Result<Vec<T>, ClientError>,
    id_of: impl Fn(&T) -> &str,
) -> anyhow::Result<String> {
    if text.len() == WHOLE {
        return Ok(text.to_owned());
    }
    let Kind { name, listed_by } = kind;
    let all = list()?;
    let mut found = all.iter().map(id_of).filter(|id| id.starts_with(text));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.to_owned()),
        (None, _) => bail!("no {name} begins with `{text}`; `{listed_by}` lists them"),
        (Some(_), Some(_)) => bail!("more than one {name} begins with `{text}`; give more of the id"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { name: "rollout", listed_by: "fettle patch rollouts" };

    #[test]
    fn the_beginning_of_an_id_is_enough_where_it_is_of_one() {
        let known = || Ok(vec!["3f0c9f5e".to_owned(), "3f0d0000".to_owned()]);
        let check = |text: &str| id(text, KIND, known, |id: &String| id).map_err(|error| error.to_string());
        assert_eq!(check("3f0c").unwrap(), "3f0c9f5e");
        assert!(check("3f0").unwrap_err().starts_with("more than one rollout begins with `3f0`"));
        assert!(check("4").unwrap_err().ends_with("`fettle patch rollouts` lists them"));
        let whole = "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10";
        let asked = || -> Result<Vec<String>, ClientError> { unreachable!("a whole id is not looked up") };
        assert_eq!(id(whole, KIND, asked, |id: &String| id).unwrap(), whole);
    }

    #[test]
    fn every_page_is_read() {
        let mut asked = Vec::new();
        let found = all(|token| {
            asked.push(token.clone());
            Ok(match token.as_deref() {
                None => (vec![1, 2], Some("second".to_owned())),
                Some(_) => (vec![3], None),
            })
        });
        assert_eq!(found.unwrap(), [1, 2, 3]);
        assert_eq!(asked, [None, Some("second".to_owned())]);
    }
}
