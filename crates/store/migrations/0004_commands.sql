-- Commands, their invocations on nodes, what is still to be delivered, and the nodes' open channels.
CREATE TABLE commands (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    command_id TEXT NOT NULL,
    document_name TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    -- No delivery after the first, no report is waited for after the second.
    deliver_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- The request as JSON, to be shown again, and the steps of its document.
    request TEXT NOT NULL,
    steps TEXT NOT NULL,
    -- What agents are sent: document and typed parameters.
    payload TEXT NOT NULL,
    -- StatusDetails: tells every state from every other.
    status TEXT NOT NULL,
    target_count BIGINT NOT NULL,
    completed_count BIGINT NOT NULL,
    error_count BIGINT NOT NULL,
    delivery_timed_out_count BIGINT NOT NULL,
    cancelled_at BIGINT,
    finished_at BIGINT,
    PRIMARY KEY (account, region, command_id)
);
CREATE INDEX commands_by_time ON commands (account, region, requested_at, command_id);
CREATE INDEX commands_running ON commands (requested_at) WHERE finished_at IS NULL;
CREATE INDEX commands_by_age ON commands (requested_at);

CREATE TABLE invocations (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    command_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    -- The host name when the command was made.
    node_name TEXT NOT NULL,
    document_name TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    -- StatusDetails: tells every state from every other.
    status TEXT NOT NULL,
    -- When rate control let it start, the node took it, it ended.
    released_at BIGINT,
    delivered_at BIGINT,
    finished_at BIGINT,
    deliver_until BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- The one of the two that counts in the present state; none at the end.
    deadline_at BIGINT,
    trace_output TEXT NOT NULL,
    PRIMARY KEY (account, region, command_id, node_id)
);
CREATE INDEX invocations_by_time ON invocations (account, region, requested_at, command_id, node_id);
CREATE INDEX invocations_by_node ON invocations (account, region, node_id, requested_at);
CREATE INDEX invocations_by_status ON invocations (account, region, command_id, status);
CREATE INDEX invocations_by_deadline ON invocations (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX invocations_by_age ON invocations (requested_at);

CREATE TABLE step_results (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    command_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    step_name TEXT NOT NULL,
    -- The newest report about the step, as JSON.
    report TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, command_id, node_id, step_name)
);
CREATE INDEX step_results_by_age ON step_results (requested_at);

-- Replies that were taken in, so that a repeated one is not.
CREATE TABLE replies (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    reply_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, node_id, reply_id)
);
CREATE INDEX replies_by_age ON replies (received_at);

-- What a node is still to be told. A row goes when the node has taken it or it makes no sense any more.
CREATE TABLE node_messages (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    -- aws.ssm.UUID.NODE: for a command its own id, for a cancellation one of its own.
    job_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    command_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Leased to one delivery attempt until then; free when past.
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    deliver_until BIGINT NOT NULL,
    PRIMARY KEY (account, region, node_id, job_id)
);
CREATE INDEX node_messages_by_due ON node_messages (due_at);
CREATE INDEX node_messages_by_command ON node_messages (account, region, command_id);

-- Which server holds a node's control channel; past its time it counts as closed.
CREATE TABLE channels (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    server_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    open_until BIGINT NOT NULL,
    PRIMARY KEY (account, region, node_id)
);
CREATE INDEX channels_by_server ON channels (server_id);
