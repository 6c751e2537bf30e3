-- Runs that changed a node's packages: what a run changed is what taking it back starts from.
CREATE TABLE patch_executions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    ended_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    -- Of an undo: the run that it took back.
    undo_of TEXT,
    -- JSON: `domain::patch::execution::PatchExecution`.
    body TEXT NOT NULL,
    PRIMARY KEY (account, region, node_id, execution_id)
);
CREATE INDEX patch_executions_by_time
    ON patch_executions (account, region, node_id, ended_at, execution_id);
CREATE INDEX patch_executions_by_undone ON patch_executions (account, region, node_id, undo_of)
    WHERE undo_of IS NOT NULL;
CREATE INDEX patch_executions_by_age ON patch_executions (received_at);

-- What nodes answered when they were asked for a plan; forgotten with the command that asked.
CREATE TABLE patch_plans (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    command_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    -- JSON: `domain::patch::execution::NodePlan`.
    body TEXT NOT NULL,
    PRIMARY KEY (account, region, command_id, node_id)
);
CREATE INDEX patch_plans_by_age ON patch_plans (requested_at);
