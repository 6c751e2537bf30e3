//! Parameters on both engines: versions, labels, lists with every kind of condition, what is due.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use api::Timestamp;
use domain::ids::{AccountId, Region};
use domain::parameter::{Kind, ParameterKey, ParameterName, Policies, Tier};
use store::clause::Comparison;
use store::parameters::{self, Attribute, Condition, Parameter, Which};
use store::tags::{self, Tagged};
use store::testing::engines;

fn place() -> (AccountId, Region) {
    ("123456789012".parse().unwrap(), "eu-central-1".parse().unwrap())
}

fn parameter(name: &str, version: i64) -> Parameter {
    Parameter {
        name: ParameterName::of_stored(name.to_owned()),
        version,
        kind: Kind::String,
        value: format!("{name} {version}").into_bytes(),
        key_id: None,
        tier: Tier::Standard,
        data_type: "text".to_owned(),
        description: None,
        allowed_pattern: None,
        policies: Policies::default(),
        modified_at: Timestamp::from_seconds(version),
        modified_by: "arn:aws:iam::123456789012:root".to_owned(),
    }
}

fn key(text: &str) -> ParameterKey {
    ParameterKey::of_stored(text.to_owned())
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn versions_and_labels() {
    let (account, region) = place();
    let scope = (&account, &region);
    for engine in engines().await {
        let mut tx = engine.store.write().await.unwrap();
        assert!(parameters::insert(&mut tx, scope, &parameter("/a/b", 1)).await.unwrap());
        assert!(!parameters::insert(&mut tx, scope, &parameter("/a/b", 1)).await.unwrap());
        let secret = Parameter {
            kind: Kind::SecureString,
            value: vec![0, 255, 7],
            key_id: Some("alias/aws/ssm".to_owned()),
            tier: Tier::Advanced,
            description: Some("the \u{1f511}".to_owned()),
            allowed_pattern: Some("^.*$".to_owned()),
            ..parameter("/a/b", 2)
        };
        parameters::add_version(&mut tx, scope, &secret).await.unwrap();
        parameters::add_version(&mut tx, scope, &parameter("/a/b", 3)).await.unwrap();
        let it = key("a/b");
        parameters::put_labels(&mut tx, scope, (&it, 1), &texts(&["old", "prod"])).await.unwrap();
        parameters::put_labels(&mut tx, scope, (&it, 2), &texts(&["prod"])).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = engine.store.write().await.unwrap();
        let mut found = Vec::new();
        for which in [
            Which::Newest,
            Which::Version(2),
            Which::Labelled("old"),
            Which::Labelled("prod"),
            Which::Labelled("none"),
            Which::Version(4),
        ] {
            found.push(parameters::find(&mut tx, scope, &it, which).await.unwrap());
        }
        let versions: Vec<Option<i64>> =
            found.iter().map(|one| one.as_ref().map(|one| one.version)).collect();
        assert_eq!(versions, [Some(3), Some(2), Some(1), Some(2), None, None]);
        assert_eq!(found[1].as_ref(), Some(&secret));
        assert_eq!(parameters::find(&mut tx, scope, &key("a"), Which::Newest).await.unwrap(), None);

        assert_eq!(
            parameters::labels(&mut tx, scope, &it).await.unwrap(),
            [("old".to_owned(), 1), ("prod".to_owned(), 2)]
        );
        assert!(!parameters::remove_label(&mut tx, scope, (&it, 1), "prod").await.unwrap());
        assert!(parameters::remove_label(&mut tx, scope, (&it, 2), "prod").await.unwrap());
        let history = parameters::list_versions(&mut tx, scope, &it, (1, 10)).await.unwrap();
        assert_eq!(history.iter().map(|one| one.version).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(parameters::oldest_version(&mut tx, scope, &it).await.unwrap(), (3, 1));
        parameters::delete_version(&mut tx, scope, &it, 1).await.unwrap();
        assert_eq!(parameters::oldest_version(&mut tx, scope, &it).await.unwrap(), (2, 2));
        assert_eq!(parameters::count(&mut tx, scope, Tier::Standard).await.unwrap(), 1);
        assert_eq!(parameters::count(&mut tx, scope, Tier::Advanced).await.unwrap(), 0);

        assert!(parameters::delete(&mut tx, scope, &it).await.unwrap());
        assert!(!parameters::delete(&mut tx, scope, &it).await.unwrap());
        assert_eq!(parameters::labels(&mut tx, scope, &it).await.unwrap(), []);
        assert_eq!(parameters::list_versions(&mut tx, scope, &it, (0, 10)).await.unwrap(), []);
        // Another account has its own.
        let other: AccountId = "210987654321".parse().unwrap();
        assert!(parameters::insert(&mut tx, (&other, &region), &parameter("/a/b", 1)).await.unwrap());
        assert_eq!(parameters::find(&mut tx, scope, &it, Which::Newest).await.unwrap(), None);
    }
}

#[tokio::test]
async fn lists_with_conditions() {
    let (account, region) = place();
    let scope = (&account, &region);
    for engine in engines().await {
        let mut tx = engine.store.write().await.unwrap();
        for name in ["/a/b", "/a/b/c", "/a/b/d/e", "/ab", "x"] {
            parameters::insert(&mut tx, scope, &parameter(name, 1)).await.unwrap();
        }
        let secret = Parameter {
            kind: Kind::SecureString,
            key_id: Some("alias/aws/ssm".to_owned()),
            tier: Tier::Advanced,
            ..parameter("/a/b/c", 2)
        };
        parameters::add_version(&mut tx, scope, &secret).await.unwrap();
        parameters::put_labels(&mut tx, scope, (&key("a/b/c"), 1), &texts(&["l"])).await.unwrap();
        let tagged =
            Tagged { account: &account, region: &region, resource_type: "Parameter", resource_id: "x" };
        tags::put(&mut tx, tagged, &BTreeMap::from([("Env".to_owned(), "prod".to_owned())])).await.unwrap();

        let tag = |values: &[&str]| Condition::Tag {
            key: "Env".to_owned(),
            comparison: Comparison::Equal,
            values: texts(values),
        };
        let attribute = |attribute, comparison, values: &[&str]| {
            Condition::Attribute(attribute, comparison, texts(values))
        };
        let rows: Vec<(Vec<Condition>, &[&str])> = vec![
            (vec![], &["/a/b", "/a/b/c", "/a/b/d/e", "/ab", "x"]),
            (vec![Condition::Key(Comparison::Equal, texts(&["a/b", "x"]))], &["/a/b", "x"]),
            (vec![Condition::Key(Comparison::BeginWith, texts(&["a/b/"]))], &["/a/b/c", "/a/b/d/e"]),
            (vec![Condition::NameContains(texts(&["b/c", "x"]))], &["/a/b/c", "x"]),
            (vec![Condition::Below(texts(&["a/b"]))], &["/a/b/c", "/a/b/d/e"]),
            (vec![Condition::Below(texts(&[""]))], &["/a/b", "/a/b/c", "/a/b/d/e", "/ab", "x"]),
            (vec![Condition::ChildOf(texts(&["a/b"]))], &["/a/b/c"]),
            (vec![Condition::ChildOf(texts(&[""]))], &["/ab", "x"]),
            (vec![attribute(Attribute::Type, Comparison::Equal, &["SecureString"])], &["/a/b/c"]),
            (vec![attribute(Attribute::KeyId, Comparison::BeginWith, &["alias/"])], &["/a/b/c"]),
            (vec![attribute(Attribute::Tier, Comparison::Equal, &["Advanced"])], &["/a/b/c"]),
            (
                vec![attribute(Attribute::DataType, Comparison::Equal, &["text"]), tag(&["prod", "test"])],
                &["x"],
            ),
            (vec![tag(&[])], &["x"]),
            (vec![tag(&["test"])], &[]),
            (vec![Condition::Label("l".to_owned())], &["/a/b/c"]),
        ];
        for (conditions, expected) in rows {
            let found = parameters::list(&mut tx, scope, &conditions, (None, 10)).await.unwrap();
            let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
            assert_eq!(names, expected, "{conditions:?}");
        }
        let labelled =
            parameters::list(&mut tx, scope, &[Condition::Label("l".to_owned())], (None, 10)).await.unwrap();
        assert_eq!((labelled[0].version, labelled[0].kind), (1, Kind::String));
        let page = parameters::list(&mut tx, scope, &[], (Some("a/b"), 2)).await.unwrap();
        assert_eq!(page.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["/a/b/c", "/a/b/d/e"]);
    }
}

#[tokio::test]
async fn policies_are_due() {
    let (account, region) = place();
    let scope = (&account, &region);
    let now = Timestamp::parse("2026-03-01T00:00:00Z").unwrap();
    let text =
        r#"[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Hours"}}]"#;
    for engine in engines().await {
        let mut tx = engine.store.write().await.unwrap();
        let mut waiting = Parameter {
            policies: Policies::parse(text, now).unwrap(),
            modified_at: now,
            ..parameter("/a", 1)
        };
        parameters::insert(&mut tx, scope, &waiting).await.unwrap();
        parameters::insert(&mut tx, scope, &parameter("/b", 1)).await.unwrap();
        assert_eq!(parameters::list_due(&mut tx, now.plus_seconds(3599), 10).await.unwrap(), []);
        let due = parameters::list_due(&mut tx, now.plus_seconds(3600), 10).await.unwrap();
        assert_eq!(due.iter().map(|due| due.key.as_str()).collect::<Vec<_>>(), ["a"]);
        waiting.policies.finish(0);
        parameters::set_policies(&mut tx, scope, &waiting).await.unwrap();
        assert_eq!(parameters::list_due(&mut tx, now.plus_seconds(9999), 10).await.unwrap(), []);
        let found = parameters::find(&mut tx, scope, &key("a"), Which::Newest).await.unwrap();
        assert_eq!(found, Some(waiting));
    }
}
