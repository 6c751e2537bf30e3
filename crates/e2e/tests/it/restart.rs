//! What survives the end of the server, however it comes.

use api::ssm::{
    AddTagsToResourceRequest, CreateActivationRequest, DescribeActivationsRequest,
    ListTagsForResourceRequest, ResourceTypeForTagging, Tag,
};

use crate::harness::{Agent, Server, engines};

#[test]
fn what_was_answered_is_still_there_after_a_crash() {
    for engine in engines() {
        let mut server = Server::start(engine);
        let agent = Agent::enroll(&server);
        let made = server.call(&CreateActivationRequest { iam_role: "r".to_owned(), ..Default::default() });
        server.call(&AddTagsToResourceRequest {
            resource_type: ResourceTypeForTagging::ManagedInstance,
            resource_id: agent.id.clone(),
            tags: vec![Tag { key: "Env".to_owned(), value: "kept".to_owned() }],
        });
        server.kill();
        server.start_again();

        let activations = server.call(&DescribeActivationsRequest::default()).activation_list.unwrap();
        assert!(activations.iter().any(|activation| activation.activation_id == made.activation_id));
        let tags = server.call(&ListTagsForResourceRequest {
            resource_type: ResourceTypeForTagging::ManagedInstance,
            resource_id: agent.id.clone(),
        });
        assert_eq!(tags.tag_list.unwrap()[0].value, "kept");
    }
}

/// A session outlives the server that gave it: nodes must not all renew theirs at once.
#[test]
fn a_nodes_session_outlives_the_server() {
    let mut server = Server::start(engines()[0]);
    let mut agent = Agent::online(&server);
    let before = agent.credentials();
    server.kill();
    server.start_again();
    agent.wait_online(&server);
    assert_eq!(agent.credentials().access_key_id, before.access_key_id);
    agent.kill();
}
