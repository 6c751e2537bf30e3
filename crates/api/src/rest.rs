//! The services that name an operation by method and path: which route a request takes, and its parts put together to the
//! one JSON object that `decode` reads. The routes are generated from the models.
//! Source: spec systems-manager 0.1.

use crate::sigv4::percent_decode;

/// Method and path of one operation.
#[derive(Debug)]
pub struct Route<O: 'static> {
    pub operation: O,
    pub method: &'static str,
    pub segments: &'static [Segment],
    pub query: &'static [QueryMember],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    Literal(&'static str),
    /// A member of the input, whole and percent-encoded.
    Label(&'static str),
}

/// A member that travels in the query.
#[derive(Debug)]
pub struct QueryMember {
    pub name: &'static str,
    pub member: &'static str,
    pub kind: QueryKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryKind {
    Text,
    /// In digits.
    Number,
    /// The name is repeated for each element.
    List,
}

/// A request that has a route.
#[derive(Debug)]
pub struct Matched<O: 'static> {
    pub route: &'static Route<O>,
    labels: Vec<(&'static str, String)>,
}

/// The route of a request. `path` is as it was sent: a slash within a label is percent-encoded.
pub fn find<O>(routes: &'static [Route<O>], method: &str, path: &str) -> Option<Matched<O>> {
    let given: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    routes.iter().filter(|route| route.method == method && route.segments.len() == given.len()).find_map(
        |route| {
            let mut labels = Vec::new();
            for (segment, given) in route.segments.iter().zip(&given) {
                match segment {
                    Segment::Literal(text) if text == given => {}
                    Segment::Label(member) if !given.is_empty() => labels.push((*member, decoded(given))),
                    _ => return None,
                }
            }
            Some(Matched { route, labels })
        },
    )
}

impl<O> Matched<O> {
    /// The whole input. What path and query say comes last, so that a body cannot say otherwise.
    pub fn request(&self, query: &str, body: &[u8]) -> Vec<u8> {
        let mut members: Vec<(&str, serde_json::Value)> =
            self.labels.iter().map(|(member, text)| (*member, text.as_str().into())).collect();
        for wanted in self.route.query {
            let mut values =
                pairs(query).filter(|(name, _)| name == wanted.name).map(|(_, value)| value).peekable();
            if values.peek().is_none() {
                continue;
            }
            let value = match wanted.kind {
                QueryKind::List => values.collect::<Vec<String>>().into(),
                QueryKind::Text => values.next().into(),
                // What is no number stays the text that it is, for the decoder to refuse.
                QueryKind::Number => values.next().map(|text| number(&text)).into(),
            };
            members.push((wanted.member, value));
        }
        let body = body.trim_ascii();
        let body = if body.is_empty() { b"{}" } else { body };
        // What is no object is the decoder's to refuse.
        let Some(inside) = body.strip_prefix(b"{").and_then(|body| body.strip_suffix(b"}")) else {
            return body.to_vec();
        };
        let mut whole = b"{".to_vec();
        whole.extend(inside);
        let mut is_first = inside.trim_ascii().is_empty();
        for (member, value) in members {
            whole.extend(if is_first { &b""[..] } else { &b","[..] });
            whole.extend(format!("{}:{value}", serde_json::Value::from(member)).as_bytes());
            is_first = false;
        }
        whole.push(b'}');
        whole
    }
}

fn number(text: &str) -> serde_json::Value {
    text.parse::<i64>().map_or_else(|_| text.into(), Into::into)
}

fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(name), decoded(value))
    })
}

/// What is no UTF-8 fits no pattern, and is refused as such.
fn decoded(text: &str) -> String {
    percent_decode(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quicksetup::{
        Operation, ROUTES, TagResourceInput, UntagResourceInput, UpdateConfigurationDefinitionInput,
    };

    const ARN: &str = "arn:aws:ssm-quicksetup:eu-central-1:123456789012:configuration-manager/0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11";

    fn encoded() -> String {
        ARN.replace(':', "%3A").replace('/', "%2F")
    }

    #[test]
    fn method_and_path_name_an_operation() {
        let check = |method: &str, path: &str, expected: Option<Operation>| {
            let found = find(ROUTES, method, path).map(|matched| matched.route.operation);
            assert_eq!(found, expected, "{method} {path}");
        };
        let one = format!("/configurationManager/{}", encoded());
        check("POST", "/configurationManager", Some(Operation::CreateConfigurationManager));
        check("GET", &one, Some(Operation::GetConfigurationManager));
        check("PUT", &one, Some(Operation::UpdateConfigurationManager));
        check("DELETE", &one, Some(Operation::DeleteConfigurationManager));
        check("GET", "/serviceSettings", Some(Operation::GetServiceSettings));
        let definition = format!("/configurationDefinition/{}/abc", encoded());
        check("PUT", &definition, Some(Operation::UpdateConfigurationDefinition));
        for (method, path) in [
            ("PATCH", one.as_str()),
            ("GET", "/configurationManager"),
            ("GET", "/configurationManager/"),
            ("GET", "/configurationManager/a/b"),
            ("GET", "/serviceSettings/"),
            ("GET", "/"),
            ("GET", ""),
            ("get", "/serviceSettings"),
        ] {
            check(method, path, None);
        }
        assert_eq!(ROUTES.len(), Operation::ALL.len());
    }

    #[test]
    fn path_query_and_body_become_one_request() {
        let request = |method: &str, path: &str, query: &str, body: &str| {
            find(ROUTES, method, path).unwrap().request(query, body.as_bytes())
        };
        let tags = format!("/tags/{}", encoded());
        let untag = request("DELETE", &tags, "tagKeys=a%20b&x=y&tagKeys=c", "");
        let untag: UntagResourceInput = crate::decode(&untag).unwrap();
        assert_eq!(
            (untag.resource_arn.as_str(), &untag.tag_keys[..]),
            (ARN, &["a b".to_owned(), "c".to_owned()][..])
        );
        // A body cannot address another resource than the path.
        let tag = request("PUT", &tags, "", "{\"Tags\":{\"a\":\"b\"},\"ResourceArn\":\"another\"}");
        let tag: TagResourceInput = crate::decode(&tag).unwrap();
        assert_eq!((tag.resource_arn.as_str(), tag.tags["a"].as_str()), (ARN, "b"));
        let path = format!("/configurationDefinition/{}/abc", encoded());
        let update = request("PUT", &path, "", " { } ");
        let update: UpdateConfigurationDefinitionInput = crate::decode(&update).unwrap();
        assert_eq!((update.manager_arn.as_str(), update.id.as_str()), (ARN, "abc"));
    }

    #[test]
    fn numbers_of_the_query_are_numbers() {
        use crate::resourcegroups::{ListGroupsInput, ROUTES};
        let list = |query: &str| {
            let whole = find(ROUTES, "POST", "/groups-list").unwrap().request(query, b"{}");
            crate::decode::<ListGroupsInput>(&whole)
        };
        let asked = list("maxResults=7&nextToken=abc").unwrap();
        assert_eq!((asked.max_results, asked.next_token.as_deref()), (Some(7), Some("abc")));
        assert_eq!(list("").unwrap().max_results, None);
        assert!(matches!(list("maxResults=seven"), Err(crate::DecodeError::Serialization(_))));
        assert!(matches!(list("maxResults=51"), Err(crate::DecodeError::Validation(_))));
    }

    #[test]
    fn what_is_no_object_stays_what_it_is() {
        let path = format!("/tags/{}", encoded());
        for body in ["[]", "7", "{", "{\"a\":1,}", "\"x\""] {
            let whole = find(ROUTES, "PUT", &path).unwrap().request("", body.as_bytes());
            let refused = crate::decode::<TagResourceInput>(&whole);
            assert!(matches!(refused, Err(crate::DecodeError::Serialization(_))), "{body}: {refused:?}");
        }
        let odd = find(ROUTES, "GET", "/configurationManager/%FF%00").unwrap().request("", b"");
        let refused = crate::decode::<crate::quicksetup::GetConfigurationManagerInput>(&odd);
        assert!(matches!(refused, Err(crate::DecodeError::Validation(_))), "{refused:?}");
    }
}
