//! What people may do: IAM policy documents, and the one function that judges a request by them. A refusal beats every
//! permission; what nothing permits is not permitted. Which resource a request is about is the caller's to say.
//! Source: systems-manager.md 19.2.

mod condition;
mod parse;
#[cfg(test)]
mod tests;
mod wildcard;

pub use parse::PolicyError;

use condition::Condition;
use wildcard::Pattern;

/// One document, understood whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    effect: Effect,
    actions: Scope,
    resources: Scope,
    /// All of them must hold.
    conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// `Action` and `Resource`, or `NotAction` and `NotResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    AnyOf(Vec<Pattern>),
    NoneOf(Vec<Pattern>),
}

/// Somebody wants to do something to something.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// `ssm:SendCommand`.
    pub action: &'q str,
    pub resource: Resource<'q>,
    /// What `${aws:username}` stands for.
    pub user_name: &'q str,
    /// The resource's tags, where it is one.
    pub tags: &'q [(String, String)],
}

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'q> {
    /// An ARN, or `*` where an operation is about nothing in particular.
    One(&'q str),
    /// Whatever has an ARN that begins so and goes on with an id, now or later. A permission has to cover all of it,
    /// whatever tags it has; a refusal of any of it is enough.
    Below(&'q str),
    /// The same, where it goes on with any text.
    Within(&'q str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// Nothing permits it.
    NotAllowed,
    /// A statement forbids it.
    Denied,
}

impl Policy {
    /// The longest document that is taken, in bytes.
    pub const MAX_BYTES: usize = 10_240;

    /// Reads a document. What would not be evaluated is refused, never ignored.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        parse::policy(text)
    }
}

/// What several documents say together.
pub fn judge(policies: &[Policy], question: &Question<'_>) -> Verdict {
    let mut verdict = Verdict::NotAllowed;
    for statement in policies.iter().flat_map(|policy| &policy.statements) {
        if !statement.applies(question) {
            continue;
        }
        match statement.effect {
            Effect::Deny => return Verdict::Denied,
            Effect::Allow => verdict = Verdict::Allowed,
        }
    }
    verdict
}

impl Statement {
    fn applies(&self, question: &Question<'_>) -> bool {
        let action = |pattern: &Pattern| pattern.matches_ignoring_case(question.action, question.user_name);
        self.actions.covers(action)
            && self.resources_cover(question)
            && self.conditions.iter().all(|condition| match condition.holds(question) {
                Some(holds) => holds,
                // For some of what is asked about it does, for some it does not.
                None => self.effect == Effect::Deny,
            })
    }

    fn resources_cover(&self, question: &Question<'_>) -> bool {
        let name = question.user_name;
        let (prefix, never) = match question.resource {
            Resource::One(arn) => return self.resources.covers(|pattern| pattern.matches(arn, name)),
            Resource::Below(prefix) => (prefix, [':', '/'].as_slice()),
            Resource::Within(prefix) => (prefix, [].as_slice()),
        };
        let all = |pattern: &Pattern| pattern.matches_all_below(prefix, name);
        let some = |pattern: &Pattern| pattern.matches_some_below(prefix, never, name);
        match (&self.resources, self.effect) {
            (Scope::AnyOf(patterns), Effect::Allow) => patterns.iter().any(all),
            (Scope::NoneOf(patterns), Effect::Allow) => !patterns.iter().any(some),
            (Scope::AnyOf(patterns), Effect::Deny) => patterns.iter().any(some),
            (Scope::NoneOf(patterns), Effect::Deny) => !patterns.iter().any(all),
        }
    }
}

impl Scope {
    fn covers(&self, is_match: impl Fn(&Pattern) -> bool) -> bool {
        match self {
            Self::AnyOf(patterns) => patterns.iter().any(is_match),
            Self::NoneOf(patterns) => !patterns.iter().any(is_match),
        }
    }
}
