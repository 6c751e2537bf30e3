//! Baselines, patch groups, snapshots and client tokens on both engines.

#![allow(clippy::unwrap_used)]

use api::Timestamp;
use domain::baseline::{Baseline, BaselineRules};
use domain::ids::{AccountId, BaselineId, PatchGroup, Region};
use domain::os::OperatingSystem;
use store::baselines::{self, BaselineFilter};
use store::client_tokens::{self, FirstAnswer, TokenKey};
use store::patch_groups::{self, After, Registration, RegistrationFilter};
use store::snapshots::{self, Snapshot, SnapshotKey};
use store::testing::engines;
use store::{Store, Tx};

fn account() -> AccountId {
    "123456789012".parse().unwrap()
}

fn region() -> Region {
    "eu-central-1".parse().unwrap()
}

fn id(n: u8) -> BaselineId {
    BaselineId::mint([n; 9])
}

fn baseline(n: u8, name: &str, os: OperatingSystem) -> Baseline {
    Baseline {
        id: id(n),
        name: name.to_owned(),
        description: n.is_multiple_of(2).then(|| format!("number {n}")),
        created_at: Timestamp::from_millis(1_000 + i64::from(n)),
        modified_at: Timestamp::from_millis(2_000 + i64::from(n)),
        rules: BaselineRules { approved_patches: vec![format!("p{n}")], ..BaselineRules::empty(os) },
    }
}

async fn with_five(store: &Store) {
    use OperatingSystem::{Debian, Ubuntu};
    let mut tx = store.write().await.unwrap();
    let rows = [(1, "prod_a", Debian), (2, "prod%b", Ubuntu), (3, "test", Debian), (4, "Prod", Ubuntu)];
    for (n, name, os) in rows {
        baselines::insert(&mut tx, &account(), &region(), &baseline(n, name, os)).await.unwrap();
    }
    let elsewhere: Region = "us-east-1".parse().unwrap();
    baselines::insert(&mut tx, &account(), &elsewhere, &baseline(5, "prod_far", Debian)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn names(tx: &mut Tx, filter: BaselineFilter<'_>) -> Vec<String> {
    let (account, region) = (account(), region());
    let mut names = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = baselines::list(tx, &account, &region, filter, after.as_deref(), 2).await.unwrap();
        let Some(last) = page.last() else { return names };
        after = Some(last.id.to_string());
        names.extend(page.into_iter().map(|baseline| baseline.name));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn baselines_are_listed_by_prefix_and_system_page_by_page() {
    for test in engines().await {
        with_five(&test.store).await;
        let mut tx = test.store.read().await.unwrap();
        let all = names(&mut tx, BaselineFilter::default()).await;
        assert_eq!(all, ["prod_a", "prod%b", "test", "Prod"]);
        // Letter case counts, and neither `_` nor `%` is a wildcard.
        let rows: [(&[&str], &[&str]); 6] = [
            (&["prod"], &["prod_a", "prod%b"]),
            (&["prod_"], &["prod_a"]),
            (&["prod%"], &["prod%b"]),
            (&["test", "Prod"], &["test", "Prod"]),
            (&["tests"], &[]),
            (&["%"], &[]),
        ];
        for (prefixes, expected) in rows {
            let prefixes: Vec<String> = prefixes.iter().map(|&p| p.to_owned()).collect();
            let filter = BaselineFilter { name_prefixes: &prefixes, ..BaselineFilter::default() };
            assert_eq!(names(&mut tx, filter).await, expected, "{prefixes:?}");
        }
        let prefixes = ["prod".to_owned()];
        let filter =
            BaselineFilter { name_prefixes: &prefixes, operating_systems: &[OperatingSystem::Ubuntu] };
        assert_eq!(names(&mut tx, filter).await, ["prod%b"]);
        assert_eq!(baselines::count(&mut tx, &account(), &region()).await.unwrap(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_is_read_back_updated_and_deleted() {
    for test in engines().await {
        with_five(&test.store).await;
        let (account, region) = (account(), region());
        let mut tx = test.store.write().await.unwrap();
        let mut expected = baseline(2, "prod%b", OperatingSystem::Ubuntu);
        assert_eq!(
            baselines::find(&mut tx, &account, &region, &id(2)).await.unwrap().as_ref(),
            Some(&expected)
        );
        assert_eq!(baselines::find(&mut tx, &account, &region, &id(5)).await.unwrap(), None);
        expected.name = "renamed".to_owned();
        expected.description = None;
        expected.rules.rejected_patches = vec!["vim".to_owned()];
        expected.modified_at = Timestamp::from_millis(9_000);
        assert!(baselines::update(&mut tx, &account, &region, &expected).await.unwrap());
        let found = baselines::find_many(&mut tx, &account, &region, &[id(2), id(5)]).await.unwrap();
        assert_eq!(found, [expected.clone()]);
        expected.id = id(9);
        assert!(!baselines::update(&mut tx, &account, &region, &expected).await.unwrap());
        assert!(baselines::delete(&mut tx, &account, &region, &id(2)).await.unwrap());
        assert!(!baselines::delete(&mut tx, &account, &region, &id(2)).await.unwrap());
        assert!(baselines::find_many(&mut tx, &account, &region, &[]).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_has_one_registered_default() {
    for test in engines().await {
        let (account, region, debian) = (account(), region(), OperatingSystem::Debian);
        let mut tx = test.store.write().await.unwrap();
        let found = baselines::find_registered_default(&mut tx, &account, &region, debian).await.unwrap();
        assert_eq!(found, None);
        for n in [1, 2] {
            baselines::put_default(&mut tx, &account, &region, debian, &id(n)).await.unwrap();
        }
        baselines::put_default(&mut tx, &account, &region, OperatingSystem::Windows, &id(3)).await.unwrap();
        let found = baselines::find_registered_default(&mut tx, &account, &region, debian).await.unwrap();
        assert_eq!(found, Some(id(2)));
        let all = baselines::registered_defaults(&mut tx, &account, &region).await.unwrap();
        assert_eq!(all, [(debian, id(2)), (OperatingSystem::Windows, id(3))]);
    }
}

fn registration(group: &str, os: OperatingSystem, n: u8) -> Registration {
    Registration { patch_group: group.parse().unwrap(), operating_system: os, baseline_id: id(n) }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_have_one_baseline_per_system() {
    use OperatingSystem::{Debian, Ubuntu, Windows};
    for test in engines().await {
        let (account, region) = (account(), region());
        let mut tx = test.store.write().await.unwrap();
        let rows = [
            registration("web servers", Debian, 1),
            registration("web servers", Windows, 2),
            registration("web", Ubuntu, 3),
            registration("db", Debian, 1),
        ];
        for row in &rows {
            patch_groups::insert(&mut tx, &account, &region, row).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut tx = test.store.write().await.unwrap();
        let twice = registration("db", Debian, 2);
        assert!(patch_groups::insert(&mut tx, &account, &region, &twice).await.is_err());
        drop(tx);

        let mut tx = test.store.write().await.unwrap();
        let web: PatchGroup = "web servers".parse().unwrap();
        let found = patch_groups::find(&mut tx, &account, &region, &web, Windows).await.unwrap();
        assert_eq!(found, Some(id(2)));
        assert_eq!(patch_groups::find(&mut tx, &account, &region, &web, Ubuntu).await.unwrap(), None);
        let groups = patch_groups::groups_of(&mut tx, &account, &region, &id(1)).await.unwrap();
        assert_eq!(groups.iter().map(PatchGroup::as_str).collect::<Vec<_>>(), ["db", "web servers"]);

        assert!(!patch_groups::delete(&mut tx, &account, &region, &web, &id(3)).await.unwrap());
        assert!(patch_groups::delete(&mut tx, &account, &region, &web, &id(1)).await.unwrap());
        assert_eq!(patch_groups::find(&mut tx, &account, &region, &web, Debian).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_are_paged_even_when_rows_vanish_in_between() {
    use OperatingSystem::{Debian, Ubuntu, Windows};
    for test in engines().await {
        let (account, region) = (account(), region());
        let mut tx = test.store.write().await.unwrap();
        for (group, os) in [("a", Debian), ("a", Windows), ("b", Ubuntu), ("b", Windows), ("ca", Debian)] {
            let row = registration(group, os, 1);
            patch_groups::insert(&mut tx, &account, &region, &row).await.unwrap();
        }
        let all = RegistrationFilter::default();
        let first = patch_groups::list(&mut tx, &account, &region, all, None, 2).await.unwrap();
        assert_eq!(first, [registration("a", Debian, 1), registration("a", Windows, 1)]);
        // The row that the next page starts after is deleted before that page is read.
        let gone = &first[1];
        patch_groups::delete(&mut tx, &account, &region, &gone.patch_group, &id(1)).await.unwrap();
        let after = After {
            patch_group: gone.patch_group.as_str(),
            operating_system: gone.operating_system.as_str(),
        };
        let rest = patch_groups::list(&mut tx, &account, &region, all, Some(after), 9).await.unwrap();
        let expected =
            [registration("b", Ubuntu, 1), registration("b", Windows, 1), registration("ca", Debian, 1)];
        assert_eq!(rest, expected);

        let prefixes = ["b".to_owned(), "c".to_owned()];
        let filter = RegistrationFilter { name_prefixes: &prefixes, operating_systems: &[Debian, Windows] };
        let found = patch_groups::list(&mut tx, &account, &region, filter, Some(after), 9).await.unwrap();
        assert_eq!(found, expected[1..]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_stays_what_it_was_until_it_is_too_old() {
    for test in engines().await {
        let key = SnapshotKey {
            account: account(),
            region: region(),
            patch_group: String::new(),
            operating_system: OperatingSystem::Debian,
            snapshot_id: "3f0c9f5e-2d53-4b8e-a2b1-0f4f7e8a9c10".parse().unwrap(),
            override_sha256: String::new(),
        };
        let at = |seconds| Timestamp::from_seconds(seconds);
        let old =
            Snapshot { baseline_id: Some(id(1)), content: r#"{"a":1}"#.to_owned(), created_at: at(100) };
        let mut tx = test.store.write().await.unwrap();
        snapshots::put(&mut tx, &key, &old).await.unwrap();
        assert_eq!(snapshots::find(&mut tx, &key, at(99)).await.unwrap(), Some(old.clone()));
        assert_eq!(snapshots::find(&mut tx, &key, at(100)).await.unwrap(), None);
        let others = [
            SnapshotKey { patch_group: "web".to_owned(), ..key.clone() },
            SnapshotKey { operating_system: OperatingSystem::Ubuntu, ..key.clone() },
            SnapshotKey { override_sha256: "ab".to_owned(), ..key.clone() },
        ];
        for other in &others {
            assert_eq!(snapshots::find(&mut tx, other, at(0)).await.unwrap(), None);
        }
        let new = Snapshot { baseline_id: None, content: "{}".to_owned(), created_at: at(200) };
        snapshots::put(&mut tx, &key, &new).await.unwrap();
        snapshots::put(&mut tx, &others[0], &old).await.unwrap();
        assert_eq!(snapshots::find(&mut tx, &key, at(0)).await.unwrap(), Some(new));
        assert_eq!(snapshots::delete_older(&mut tx, at(100)).await.unwrap(), 1);
        assert_eq!(snapshots::find(&mut tx, &others[0], at(0)).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_token_is_known_within_its_operation() {
    for test in engines().await {
        let (account, region) = (account(), region());
        let key = TokenKey {
            account: &account,
            region: &region,
            operation: "CreatePatchBaseline",
            client_token: "t-1",
        };
        let first = FirstAnswer {
            request_sha256: "ab".to_owned(),
            result: "{}".to_owned(),
            created_at: Timestamp::from_seconds(10),
        };
        let mut tx = test.store.write().await.unwrap();
        assert_eq!(client_tokens::find(&mut tx, key).await.unwrap(), None);
        client_tokens::insert(&mut tx, key, &first).await.unwrap();
        assert_eq!(client_tokens::find(&mut tx, key).await.unwrap(), Some(first));
        let other = TokenKey { operation: "CreateMaintenanceWindow", ..key };
        assert_eq!(client_tokens::find(&mut tx, other).await.unwrap(), None);
        let at = Timestamp::from_seconds;
        assert_eq!(client_tokens::delete_older(&mut tx, at(9)).await.unwrap(), 0);
        assert_eq!(client_tokens::delete_older(&mut tx, at(10)).await.unwrap(), 1);
    }
}
