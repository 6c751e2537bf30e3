//! GetAgentBuild: which build of the agent there is for a platform, and the signature of what it is.
//! How builds are named and what is signed is decided in `domain::agent_build`.
//! Source: `api/model/fettle.json`; docs/decisions, logs and updates.

use api::fettle::{GetAgentBuildRequest, GetAgentBuildResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::agent_build::{AgentVersion, BUILD_BUCKET, SIGNATURE_SUFFIX, Target, statement};
use domain::object::{ObjectAddress, ObjectKey};
use store::objects::{self, Object, ObjectRef};

use super::not_found;
use crate::agents::builds;
use crate::app::App;
use crate::ctx::Ctx;
use crate::error::ApiError;

/// Of an Ed25519 signature in base64, with room for a line feed.
const MOST_SIGNATURE_BYTES: u64 = 128;

pub async fn get_agent_build(
    ctx: &Ctx,
    request: GetAgentBuildRequest,
) -> Result<GetAgentBuildResponse, ApiError> {
    let target = Target::new(&request.platform, &request.architecture);
    let target = target
        .ok_or_else(|| not_found(format!("no builds for {} {}", request.platform, request.architecture)))?;
    let wanted = request.version.as_deref().map(str::parse::<AgentVersion>).transpose();
    let wanted = wanted.map_err(|error| not_found(error.to_string()))?;

    let mut tx = ctx.store.read().await?;
    let listed = builds::list(&mut tx, &ctx.account).await?;
    let Some((version, build)) = builds::newest(&listed, &target, wanted.as_ref()) else {
        return Err(none(&target, wanted.as_ref()));
    };
    let beside: Option<ObjectKey> = format!("{}{SIGNATURE_SUFFIX}", build.key).parse().ok();
    let signature = match beside {
        None => None,
        Some(key) => {
            let reference = ObjectRef { account: ctx.account.clone(), bucket: builds::bucket(), key };
            objects::find(&mut tx, &reference).await?
        }
    };
    drop(tx);

    let sha256 = builds::sha256(&ctx.app, build).await?;
    let signature = match signature {
        Some(object) => given(&ctx.app, &object).await?,
        None => {
            let said = statement(&version, &target, build.size_bytes, &sha256);
            STANDARD.encode(ctx.app.keyring.sign_build(&said))
        }
    };
    Ok(GetAgentBuildResponse {
        version: version.to_string(),
        url: ObjectAddress { bucket: builds::bucket(), key: build.key.clone() }.to_string(),
        size_bytes: i64::try_from(build.size_bytes).unwrap_or(i64::MAX),
        sha256,
        signature,
    })
}

fn none(target: &Target, wanted: Option<&AgentVersion>) -> ApiError {
    let which = wanted.map_or_else(|| "no build".to_owned(), |version| format!("no build {version}"));
    not_found(format!(
        "this server has {which} of the agent for {target}: put one there with `aws s3 cp fettle-agent \
         s3://{BUILD_BUCKET}/VERSION/{target}`"
    ))
}

/// The operator's own signature, as text.
async fn given(app: &App, object: &Object) -> Result<String, ApiError> {
    if object.size_bytes > MOST_SIGNATURE_BYTES {
        return Err(not_found(format!("s3://{BUILD_BUCKET}/{} is not a signature in base64", object.key)));
    }
    let mut text = Vec::new();
    builds::each_piece(app, &object.contents, |piece| text.extend_from_slice(piece)).await?;
    Ok(String::from_utf8_lossy(&text).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::agents::builds::tests::publish;
    use crate::operations::Service;
    use crate::testing::{TestServer, call};

    #[tokio::test]
    async fn nodes_are_told_of_the_newest_build_and_its_signature() {
        let server = TestServer::on_sqlite().await;
        for (key, bytes) in
            [("0.9.0/linux-x86_64", "old"), ("0.10.0/linux-x86_64", "new"), ("0.11.0/macos-aarch64", "other")]
        {
            publish(&server, key, bytes.as_bytes()).await;
        }
        let request = json!({"Platform": "linux", "Architecture": "x86_64"});
        let node = server.add_node(1).await;
        let asked = async |operation: &str, request: Value| {
            call(&server.node(&node), Service::Fettle, operation, request).await
        };
        let build = asked("GetAgentBuild", request.clone()).await.unwrap();
        assert_eq!(
            (&build["Version"], &build["Url"], &build["SizeBytes"]),
            (&json!("0.10.0"), &json!("s3://fettle-agents/0.10.0/linux-x86_64"), &json!(3))
        );
        let sha256 = hex::encode(Sha256::digest(b"new"));
        assert_eq!(build["Sha256"], sha256);
        let key = asked("GetAgentBuildKey", json!({})).await.unwrap();
        let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
        let key =
            ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, bytes(&key["PublicKey"]));
        let target = Target::new("linux", "x86_64").unwrap();
        let said = statement(&"0.10.0".parse().unwrap(), &target, 3, &sha256);
        assert!(key.verify(said.as_bytes(), &bytes(&build["Signature"])).is_ok());

        // An older one by name, and the operator's own signature in place of the server's.
        publish(&server, "0.9.0/linux-x86_64.sig", b"c2lnbmVk\n").await;
        let mut older = request.clone();
        older["Version"] = "0.9".into();
        let build = asked("GetAgentBuild", older).await.unwrap();
        assert_eq!((&build["Version"], &build["Signature"]), (&json!("0.9.0"), &json!("c2lnbmVk")));
    }

    #[tokio::test]
    async fn what_is_not_there_is_said_with_how_to_bring_it() {
        let server = TestServer::on_sqlite().await;
        let node = server.node(&server.add_node(1).await);
        for (platform, version) in
            [("linux", None), ("..", None), ("linux", Some("latest")), ("linux", Some("1.0"))]
        {
            let mut request = json!({"Platform": platform, "Architecture": "x86_64"});
            if let Some(version) = version {
                request["Version"] = version.into();
            }
            let refused = call(&node, Service::Fettle, "GetAgentBuild", request).await.unwrap_err();
            assert_eq!(refused.0, "ResourceNotFoundException");
            let tells_how = refused.1.contains("s3://fettle-agents/VERSION/linux-x86_64");
            assert_eq!(tells_how, platform == "linux" && version != Some("latest"), "{}", refused.1);
        }
    }
}
