//! What is answered where a request lost every race for the rows it writes: the error that its operation declares for that.
//! Source: API reference, TooManyUpdates.

use api::ssm::{ErrorCode, Operation};

use crate::error::ApiError;

/// `error` came of a conflict, after all attempts. Of operations that declare nothing of the kind it stays what it is.
pub fn lost(target: &str, error: ApiError) -> ApiError {
    let name = target.strip_prefix("AmazonSSM.").and_then(Operation::parse);
    match name.is_some_and(|operation| operation.errors().contains(&ErrorCode::TooManyUpdates)) {
        true => ApiError::new(ErrorCode::TooManyUpdates, "others change the same at this moment: try again"),
        false => error,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use store::StoreError;

    use super::super::call;
    use super::*;
    use crate::ctx::Ctx;
    use crate::testing::TestServer;

    async fn conflict<I>(_: &Ctx, _: I) -> Result<serde_json::Value, ApiError> {
        Err(StoreError::Conflict.into())
    }

    async fn lose<I: api::Request + Send + 'static>(ctx: &Ctx, request: serde_json::Value) -> &'static str {
        let body = request.to_string().into_bytes();
        call(ctx, &body, conflict::<I>).await.unwrap_err().code.name
    }

    #[tokio::test]
    async fn operations_that_declare_it_answer_too_many_updates() {
        use api::ssm::{
            AddTagsToResourceRequest, CreateActivationRequest, CreateDocumentRequest,
            DeleteActivationRequest, DeleteAssociationRequest, DeleteDocumentRequest,
            LabelParameterVersionRequest, PutParameterRequest, RemoveTagsFromResourceRequest,
            UnlabelParameterVersionRequest, UpdateAssociationRequest, UpdateAssociationStatusRequest,
            UpdateDocumentMetadataRequest,
        };
        let server = TestServer::on_sqlite().await;
        let ctx = server.root();
        let id = "0b9c9f7a-63a6-4f0e-9a53-0f4a2e0a6c11";
        let status = json!({"Date": 1, "Name": "Success", "Message": "done"});
        let labels = json!({"Name": "x", "ParameterVersion": 1, "Labels": ["l"]});
        let reviews = json!({"Action": "SendForReview"});
        let codes = [
            lose::<CreateDocumentRequest>(&ctx, json!({"Name": "mine", "Content": "{}"})).await,
            lose::<DeleteDocumentRequest>(&ctx, json!({"Name": "mine"})).await,
            lose::<UpdateDocumentMetadataRequest>(&ctx, json!({"Name": "mine", "DocumentReviews": reviews}))
                .await,
            lose::<DeleteAssociationRequest>(&ctx, json!({"AssociationId": id})).await,
            lose::<UpdateAssociationRequest>(&ctx, json!({"AssociationId": id})).await,
            lose::<UpdateAssociationStatusRequest>(
                &ctx,
                json!({"Name": "mine", "InstanceId": "mi-0123456789abcdef0", "AssociationStatus": status}),
            )
            .await,
            lose::<PutParameterRequest>(&ctx, json!({"Name": "x", "Value": "v"})).await,
            lose::<LabelParameterVersionRequest>(&ctx, labels.clone()).await,
            lose::<UnlabelParameterVersionRequest>(&ctx, labels).await,
            lose::<DeleteActivationRequest>(&ctx, json!({"ActivationId": id})).await,
            lose::<AddTagsToResourceRequest>(
                &ctx,
                json!({"ResourceType": "Parameter", "ResourceId": "x", "Tags": [{"Key": "k", "Value": "v"}]}),
            )
            .await,
            lose::<RemoveTagsFromResourceRequest>(
                &ctx,
                json!({"ResourceType": "Parameter", "ResourceId": "x", "TagKeys": ["k"]}),
            )
            .await,
        ];
        assert_eq!(codes, ["TooManyUpdates"; 12]);
        let other = lose::<CreateActivationRequest>(&ctx, json!({"IamRole": "r"})).await;
        assert_eq!(other, "InternalServerError");
    }
}
