//! The step as a document writes it: what is refused before anything is fetched.

use std::path::PathBuf;

use serde_json::json;

use super::*;
use crate::plugins::Surroundings;

async fn refusal(inputs: Value) -> String {
    let dir = tempfile::tempdir().unwrap();
    let surroundings = Surroundings {
        data_dir: dir.path().to_owned(),
        instance_id: "mi-0123456789abcdef0".into(),
        region: "eu-central-1".into(),
        platform_type: "Linux",
        platform_name: "Debian GNU/Linux".into(),
        platform_version: "12".into(),
        agent_exe: PathBuf::from("/usr/bin/fettle-agent"),
    };
    let document = Run {
        surroundings: &surroundings,
        job_id: "j-1",
        command_id: "c-1",
        environment: vec![],
        work_dir: dir.path().join("work"),
        downloads: dir.path().join("work/downloads"),
        steps: vec![],
        first_step: 0,
        done: vec![],
        depth: 0,
        destination: None,
    };
    let (_keep, mut cancel) = watch::channel(false);
    let result = run(&document, &inputs, &mut cancel).await;
    assert_eq!((result.code, result.stdout.as_str()), (1, ""), "{inputs}");
    result.stderr
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused_by_name() {
    let rows = [
        (json!({}), "sourceInfo is missing"),
        (json!({"sourceType": "HTTP", "sourceInfo": "x"}), "neither an object nor"),
        (json!({"sourceType": "FTP", "sourceInfo": "{}"}), "sourceType `FTP`"),
        (json!({"sourceType": "SSMDocument", "sourceInfo": {}}), "missing field `name`"),
        // Of a node that is not enrolled: nobody can be asked.
        (
            json!({"sourceType": "GitHub", "sourceInfo": {"owner": "a", "tokenInfo": "{{ssm-secure:t}}"}}),
            "holds no registration",
        ),
        (
            json!({"sourceType": "GitHub", "sourceInfo": {"owner": "a", "tokenInfo": "ghp_1"}}),
            "tokenInfo: expected {{ssm-secure:NAME}}",
        ),
        (
            json!({"sourceType": "GitHub", "sourceInfo": {"owner": "a", "tokenInfo": "x{{ssm-secure:t}}"}}),
            "tokenInfo: expected {{ssm-secure:NAME}}",
        ),
        (
            json!({"sourceType": "HTTP", "sourceInfo": "{\"url\":\"https://a/{{ ssm-secure:t }}\"}"}),
            "sourceInfo.url takes no secret",
        ),
        (
            json!({"sourceType": "S3", "sourceInfo": {"path": "s3://a/{{ssm-secure:t}}"}}),
            "sourceInfo.path takes no secret",
        ),
        (
            json!({"sourceType": "Git", "sourceInfo": {"repository": "git@example.org:a.git"}}),
            "fetched over https",
        ),
        (
            json!({"sourceType": "Git", "sourceInfo": {"repository": "https://a/b", "privateSSHKey": "{{ssm-secure:k}}"}}),
            "ssh and keys for it are not supported",
        ),
        // Of a node that is not enrolled.
        (json!({"sourceType": "HTTP", "sourceInfo": {"url": "https://127.0.0.1/a"}}), "no registration"),
    ];
    for (inputs, expected) in rows {
        let said = refusal(inputs.clone()).await;
        assert!(said.starts_with("aws:downloadContent: ") && said.contains(expected), "{inputs}: {said}");
    }
}
