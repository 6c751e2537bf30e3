//! What documents refer to that a command's steps fetch by themselves: found when the command is sent, asked of its sender, and
//! noted with the command. Which documents a step names is `domain::document`'s.
//! Source: systems-manager.md 7.4; agent-protocol.md 7.5, 9.1. Decision: docs/decisions/0042-parameter-store.md.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use domain::document::fetched::{Given, MAX_DEPTH, fetched_by};
use domain::document::{Document, Parameters};
use domain::parameter::{Kind, Reference, Selector, Stored, references, substitute};
use serde_json::{Map, Value};
use store::commands::Referred;

use super::references::MOST_REFERENCES;
use super::{Asked, require_decryption, value};
use crate::ctx::Ctx;
use crate::error::ApiError;
use crate::operations::documents::{self, Found};
use crate::operations::permission;

/// Each is read, and may name others.
const MOST_DOCUMENTS: usize = 100;

/// What takes the place of references.
type Values = BTreeMap<String, Stored>;
/// A step's plugin, and its inputs with everything in its place.
type Steps = Vec<(String, Map<String, Value>)>;

/// For a caller who may read all of it. What is not there is left to the node, whose step then says so; `refused` makes the error of
/// what is too much to look into.
pub async fn referred_by_fetched(
    ctx: &Ctx,
    document: &Document,
    (parameters, values): (&Parameters, &Values),
    refused: &(dyn Fn(String) -> ApiError + Send + Sync),
) -> Result<Vec<Referred>, ApiError> {
    let mut referred = BTreeSet::new();
    let mut looked_into = BTreeSet::new();
    let mut open = VecDeque::from([(steps(document, parameters, values), 0)]);
    while let Some((steps, depth)) = open.pop_front() {
        // What is deeper no agent runs.
        let named = match depth {
            MAX_DEPTH => Vec::new(),
            _ => fetched_by(steps.iter().map(|(action, inputs)| (action.as_str(), inputs))),
        };
        for fetched in named {
            let found = find(ctx, &fetched.name, fetched.version.as_deref()).await?;
            let Some(found) = found else { continue };
            let (reference, version) = (found.reference.clone(), found.version.version);
            if !looked_into.insert((reference.clone(), version, fetched.given.clone())) {
                continue;
            }
            if looked_into.len() > MOST_DOCUMENTS {
                return Err(refused(format!("its steps fetch more than {MOST_DOCUMENTS} documents")));
            }
            // Of another type, or plain text: no step runs it.
            let Ok(inner) = found.command() else { continue };
            let (names, runs) = referred_in(&inner, &fetched.given);
            let values = readable(ctx, &names).await?;
            referred.extend(names.iter().map(|name| noted(&reference, version, name)));
            if referred.len() > MOST_REFERENCES {
                return Err(refused(format!(
                    "the documents that its steps fetch refer to Parameter Store more than {MOST_REFERENCES} times"
                )));
            }
            for given in runs {
                if let Ok(parameters) = inner.resolve_stored(given, &values) {
                    open.push_back((self::steps(&inner, &parameters, &values), depth + 1));
                }
            }
        }
    }
    Ok(referred.into_iter().collect())
}

/// Asks whether the caller may read what a document refers to, and those that it fetches; when there is nobody to ask later. One
/// that is not there may be, then.
pub async fn require_of_document(
    ctx: &Ctx,
    (name, version): (&str, Option<&str>),
    given: &Given,
    refused: &(dyn Fn(String) -> ApiError + Send + Sync),
) -> Result<(), ApiError> {
    let Some(found) = find(ctx, name, version).await? else { return Ok(()) };
    let Ok(document) = found.command() else { return Ok(()) };
    let (names, runs) = referred_in(&document, std::slice::from_ref(given));
    let values = readable(ctx, &names).await?;
    for given in runs {
        if let Ok(parameters) = document.resolve_stored(given, &values) {
            referred_by_fetched(ctx, &document, (&parameters, &values), refused).await?;
        }
    }
    Ok(())
}

pub fn noted(document: &str, version: i64, Reference { name, is_secure }: &Reference) -> Referred {
    let kind = if *is_secure { "ssm-secure" } else { "ssm" };
    Referred { document: document.to_owned(), version, reference: format!("{{{{{kind}:{name}}}}}") }
}

/// `None`: there is none, as the node will find, too.
async fn find(ctx: &Ctx, name: &str, version: Option<&str>) -> Result<Option<Found>, ApiError> {
    match documents::find(ctx, name, version, None).await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code.status < 500 && !error.is_conflict() => Ok(None),
        Err(error) => Err(error),
    }
}

/// With each set of parameters that it takes: names may be made by them. Where it takes none of them, with its defaults.
fn referred_in<'a>(document: &Document, given: &'a [Given]) -> (BTreeSet<Reference>, Vec<&'a Given>) {
    static DEFAULTS: Given = Given::new();
    let mut names = BTreeSet::new();
    references(document.content(), &mut names);
    let takes = |given: &&Given| document.resolve_parameters(given).is_ok();
    let mut runs: Vec<&Given> = given.iter().filter(takes).collect();
    if runs.is_empty() {
        runs.extend(Some(&DEFAULTS).filter(takes));
    }
    for parameters in runs.iter().filter_map(|given| document.resolve_parameters(given).ok()) {
        let inputs = document.steps.iter().flat_map(|step| step.resolved_inputs(&parameters));
        inputs.for_each(|(_, value)| references(&value, &mut names));
    }
    (names, runs)
}

fn steps(document: &Document, parameters: &Parameters, values: &Values) -> Steps {
    let one = |step: &domain::document::Step| {
        let inputs = step.resolved_inputs(parameters).into_iter();
        let inputs = inputs.map(|(name, value)| (name, substitute(&value, values)));
        (step.action.clone(), inputs.collect())
    };
    document.steps.iter().map(one).collect()
}

/// The values that plain references have now.
async fn readable(ctx: &Ctx, names: &BTreeSet<Reference>) -> Result<Values, ApiError> {
    let mut values = Values::new();
    if names.is_empty() {
        return Ok(values);
    }
    let mut tx = ctx.store.read().await?;
    let asked = names.iter().map(|reference| reference.name.as_str());
    permission::require_parameters(ctx, &mut tx, "ssm:GetParameters", asked).await?;
    for Reference { name, is_secure } in names {
        let Ok(asked) = Asked::read(ctx, name) else { continue };
        if matches!(asked.selector, Some(Selector::Label(_))) {
            continue;
        }
        let Ok(found) = asked.find(ctx, &mut tx).await? else { continue };
        if *is_secure {
            require_decryption(ctx, Some(true), std::slice::from_ref(&found)).await?;
        } else if found.kind != Kind::SecureString {
            let is_list = found.kind == Kind::StringList;
            values.insert(name.clone(), Stored { value: value(ctx, &found, None)?, is_list });
        }
    }
    Ok(values)
}
