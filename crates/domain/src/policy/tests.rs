//! Documents and requests as tables, and what must hold for all of them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Policy, Question, Resource, Verdict, judge};

const NODE: &str = "arn:aws:ssm:eu-central-1:123456789012:managed-instance/mi-0123456789abcdef0";

fn policy(statements: Value) -> Policy {
    Policy::parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

fn ask(policies: &[Policy], action: &str, resource: &str, tags: &[(&str, &str)]) -> Verdict {
    let tags: Vec<(String, String)> =
        tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    judge(policies, &Question { action, resource: Resource::One(resource), user_name: "ann", tags: &tags })
}

#[test]
fn actions_and_resources() {
    let check = |statement: Value, action: &str, resource: &str, expected: Verdict| {
        let found = ask(&[policy(json!([statement]))], action, resource, &[]);
        assert_eq!(found, expected, "{statement} {action} {resource}");
    };
    use Verdict::*;
    let allow =
        |action: Value, resource: Value| json!({"Effect": "Allow", "Action": action, "Resource": resource});
    check(allow(json!("*"), json!("*")), "ssm:SendCommand", NODE, Allowed);
    check(allow(json!("ssm:*"), json!("*")), "ssm:SendCommand", "*", Allowed);
    check(allow(json!("ssm:get*"), json!("*")), "ssm:GetDocument", "*", Allowed);
    check(allow(json!("ssm:Get*"), json!("*")), "ssm:SendCommand", "*", NotAllowed);
    check(allow(json!("fettle:*"), json!("*")), "ssm:SendCommand", "*", NotAllowed);
    check(allow(json!(["ssm:A", "ssm:SendCommand"]), json!([NODE])), "ssm:SendCommand", NODE, Allowed);
    check(allow(json!("ssm:*"), json!(NODE)), "ssm:SendCommand", "*", NotAllowed);
    let groups = "arn:aws:ssm:*:*:managed-instance/mi-*";
    check(allow(json!("ssm:*"), json!(groups)), "ssm:SendCommand", NODE, Allowed);
    check(
        allow(json!("ssm:*"), json!(groups.to_uppercase().replace("ARN", "arn"))),
        "ssm:X",
        NODE,
        NotAllowed,
    );
    let not = json!({"Effect": "Allow", "NotAction": "fettle:*User*", "Resource": "*"});
    check(not.clone(), "fettle:CreateUser", "*", NotAllowed);
    check(not, "ssm:SendCommand", "*", Allowed);
    let other = json!({"Effect": "Allow", "Action": "ssm:*", "NotResource": [NODE]});
    check(other.clone(), "ssm:X", NODE, NotAllowed);
    check(other, "ssm:X", "arn:aws:ssm:::document/x", Allowed);
}

#[test]
fn conditions_on_tags_and_names() {
    let check = |condition: Value, tags: &[(&str, &str)], expected: bool| {
        let policy =
            policy(json!({"Effect": "Allow", "Action": "ssm:*", "Resource": "*", "Condition": condition}));
        let expected = if expected { Verdict::Allowed } else { Verdict::NotAllowed };
        assert_eq!(ask(&[policy], "ssm:SendCommand", NODE, tags), expected, "{condition} {tags:?}");
    };
    let prod = json!({"StringEquals": {"ssm:resourceTag/env": "prod"}});
    check(prod.clone(), &[("env", "prod")], true);
    check(prod.clone(), &[("Env", "prod")], true);
    check(prod.clone(), &[("env", "Prod")], false);
    check(prod.clone(), &[("env", "pro*")], false);
    check(prod, &[], false);
    check(json!({"StringEquals": {"aws:ResourceTag/env": ["dev", "prod"]}}), &[("env", "prod")], true);
    check(json!({"StringEqualsIgnoreCase": {"aws:resourcetag/env": "PROD"}}), &[("env", "prod")], true);
    check(json!({"StringLike": {"aws:ResourceTag/env": "pr*"}}), &[("env", "prod")], true);
    check(json!({"StringNotLike": {"aws:ResourceTag/env": "pr*"}}), &[("env", "prod")], false);
    check(json!({"StringNotEquals": {"aws:ResourceTag/env": "prod"}}), &[], true);
    check(json!({"StringEqualsIfExists": {"aws:ResourceTag/env": "prod"}}), &[], true);
    check(json!({"StringEqualsIfExists": {"aws:ResourceTag/env": "prod"}}), &[("env", "dev")], false);
    check(json!({"Null": {"aws:ResourceTag/env": "true"}}), &[], true);
    check(json!({"Null": {"aws:ResourceTag/env": true}}), &[("env", "")], false);
    check(json!({"StringEquals": {"aws:username": "ann"}}), &[], true);
    check(json!({"StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}}), &[("owner", "ann")], true);
    check(json!({"StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}}), &[("owner", "bob")], false);
    let both = json!({"StringEquals": {"aws:ResourceTag/a": "1", "aws:ResourceTag/b": "2"}});
    check(both.clone(), &[("a", "1"), ("b", "2")], true);
    check(both, &[("a", "1")], false);
}

#[test]
fn a_refusal_beats_a_permission_in_whatever_document() {
    let allow = policy(json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    let deny = policy(json!({"Effect": "Deny", "Action": "ssm:SendCommand", "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/env": "prod"}}}));
    for policies in [[allow.clone(), deny.clone()], [deny, allow]] {
        assert_eq!(ask(&policies, "ssm:SendCommand", NODE, &[("env", "prod")]), Verdict::Denied);
        assert_eq!(ask(&policies, "ssm:SendCommand", NODE, &[("env", "dev")]), Verdict::Allowed);
    }
    assert_eq!(ask(&[], "ssm:SendCommand", NODE, &[]), Verdict::NotAllowed);
}

#[test]
fn all_nodes_need_all_permissions_and_no_refusal() {
    let check = |statements: Value, expected: Verdict| {
        let resource = Resource::Below("arn:aws:ssm:eu-central-1:123456789012:managed-instance/");
        let question = Question { action: "ssm:CreateAssociation", resource, user_name: "ann", tags: &[] };
        assert_eq!(judge(&[policy(statements.clone())], &question), expected, "{statements}");
    };
    let allow = json!({"Effect": "Allow", "Action": "ssm:*", "Resource": "*"});
    check(allow.clone(), Verdict::Allowed);
    check(json!({"Effect": "Allow", "Action": "ssm:*", "Resource": NODE}), Verdict::NotAllowed);
    check(json!({"Effect": "Allow", "Action": "ssm:*", "NotResource": NODE}), Verdict::NotAllowed);
    for operator in ["StringEquals", "StringNotEquals", "StringEqualsIfExists"] {
        let condition = json!({operator: {"aws:ResourceTag/env": "prod"}});
        check(
            json!({"Effect": "Allow", "Action": "ssm:*", "Resource": "*", "Condition": condition}),
            Verdict::NotAllowed,
        );
        let deny = json!({"Effect": "Deny", "Action": "ssm:*", "Resource": "*", "Condition": condition});
        check(json!([allow, deny]), Verdict::Denied);
    }
    check(json!([allow, {"Effect": "Deny", "Action": "ssm:*", "Resource": NODE}]), Verdict::Denied);
    check(
        json!([allow, {"Effect": "Deny", "Action": "ssm:*", "Resource": "arn:aws:ssm:*:*:document/*"}]),
        Verdict::Allowed,
    );
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let check = |text: Value, path: &str| {
        let error = Policy::parse(&text.to_string()).unwrap_err();
        assert_eq!(error.path, path, "{error}");
    };
    let with = |statement: Value| json!({"Version": "2012-10-17", "Statement": [statement]});
    check(json!([]), "$");
    check(json!({"Statement": []}), "Version");
    check(json!({"Version": "2008-10-17", "Statement": []}), "Version");
    check(json!({"Version": "2012-10-17", "Statement": []}), "Statement");
    check(json!({"Version": "2012-10-17", "Statement": [7]}), "Statement[0]");
    check(json!({"Version": "2012-10-17", "Extra": 1, "Statement": []}), "Extra");
    check(with(json!({"Effect": "allow", "Action": "*", "Resource": "*"})), "Statement[0].Effect");
    check(with(json!({"Effect": "Allow", "Resource": "*"})), "Statement[0]");
    check(with(json!({"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"})), "Statement[0]");
    check(
        with(json!({"Effect": "Allow", "Action": ["*", "send"], "Resource": "*"})),
        "Statement[0].Action[1]",
    );
    check(with(json!({"Effect": "Allow", "Action": [], "Resource": "*"})), "Statement[0].Action");
    check(with(json!({"Effect": "Allow", "Action": "*", "Resource": "mi-1"})), "Statement[0].Resource");
    check(with(json!({"Effect": "Allow", "Action": "*", "Resource": 7})), "Statement[0].Resource");
    check(
        with(json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"})),
        "Statement[0].Principal",
    );
    let condition = |condition: Value| {
        with(json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}))
    };
    check(condition(json!({"IpAddress": {"aws:SourceIp": "::1"}})), "Statement[0].Condition.IpAddress");
    check(
        condition(json!({"StringEquals": {"aws:SourceVpc": "x"}})),
        "Statement[0].Condition.StringEquals.aws:SourceVpc",
    );
    check(
        condition(json!({"StringEquals": {"aws:ResourceTag/a": "${aws:userid}"}})),
        "Statement[0].Condition.StringEquals.aws:ResourceTag/a",
    );
    let long = " ".repeat(Policy::MAX_BYTES + 1);
    assert_eq!(Policy::parse(&long).unwrap_err().path, "$");
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let action = prop_oneof!["ssm:[A-C*?]{1,3}", Just("*".to_owned())];
    let resource = prop_oneof!["arn:aws:ssm:eu-central-1:1:document/[a-c*?]{1,3}", Just("*".to_owned())];
    let statement = (any::<bool>(), action, resource, prop::option::of("[ab*]{1,2}")).prop_map(
        |(is_allow, action, resource, tag)| {
            let mut statement = json!({"Effect": if is_allow { "Allow" } else { "Deny" },
                "Action": action, "Resource": resource});
            if let Some(tag) = tag {
                statement["Condition"] = json!({"StringLike": {"aws:ResourceTag/t": tag}});
            }
            statement
        },
    );
    prop::collection::vec(statement, 1..5).prop_map(|statements| policy(statements.into()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(22), ..ProptestConfig::default() })]

    /// Whatever else is said, what one document denies stays denied, and no document takes a denial back.
    #[test]
    fn a_denial_stays(policies in prop::collection::vec(any_policy(), 0..4), more in any_policy(),
        action in "ssm:[A-C]{1,3}", resource in "arn:aws:ssm:eu-central-1:1:document/[a-c]{1,3}", tag in "[ab]{1,2}") {
        let tags = [("t", tag.as_str())];
        let before = ask(&policies, &action, &resource, &tags);
        let own = ask(std::slice::from_ref(&more), &action, &resource, &tags);
        let mut all = policies;
        all.push(more);
        let after = ask(&all, &action, &resource, &tags);
        let expected = match (before, own) {
            (Verdict::Denied, _) | (_, Verdict::Denied) => Verdict::Denied,
            (Verdict::Allowed, _) | (_, Verdict::Allowed) => Verdict::Allowed,
            _ => Verdict::NotAllowed,
        };
        prop_assert_eq!(after, expected);
        all.reverse();
        prop_assert_eq!(ask(&all, &action, &resource, &tags), expected);
    }

    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,200}") {
        let _ = Policy::parse(&text);
    }
}
