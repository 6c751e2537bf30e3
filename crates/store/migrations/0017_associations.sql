-- State Manager: associations, their versions, their runs, and how each stands on each node.
-- A run is a command: its id is the command's, its targets are the command's invocations.
ALTER TABLE commands ADD COLUMN association_id TEXT;

CREATE TABLE associations (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    association_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    -- The newest version's, as JSON.
    settings TEXT NOT NULL,
    -- Of the settings, for whoever asks by it: a name, or the ARN of another account's document.
    document TEXT NOT NULL,
    -- The one node of the old form, which has no targets.
    legacy_node_id TEXT,
    legacy_status TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Runs are numbered; who takes the next number makes the run.
    runs_made BIGINT NOT NULL,
    -- Nothing is due while there is none.
    next_run_at BIGINT,
    last_run_at BIGINT,
    last_success_at BIGINT,
    -- JSON: how many nodes are in which state.
    counts TEXT NOT NULL,
    PRIMARY KEY (account, region, association_id)
);
CREATE INDEX associations_by_next_run ON associations (next_run_at) WHERE next_run_at IS NOT NULL;
CREATE INDEX associations_by_document ON associations (document, account, region);
CREATE UNIQUE INDEX associations_by_legacy_node ON associations (document, legacy_node_id, account, region)
    WHERE legacy_node_id IS NOT NULL;

CREATE TABLE association_versions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    association_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, association_id, version)
);

CREATE TABLE association_executions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    association_id TEXT NOT NULL,
    -- The command's id, where there is a command.
    execution_id TEXT NOT NULL,
    run BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Why nothing was started; none where something was.
    omitted TEXT,
    -- Whatever runs then is cancelled.
    cancel_at BIGINT,
    -- JSON: how many targets are in which state.
    counts TEXT NOT NULL,
    status TEXT NOT NULL,
    finished_at BIGINT,
    -- Two servers that start the same run: the second one fails.
    PRIMARY KEY (account, region, association_id, run)
);
CREATE UNIQUE INDEX association_executions_by_id ON association_executions (execution_id, account, region);
CREATE INDEX association_executions_open ON association_executions (created_at) WHERE finished_at IS NULL;
CREATE INDEX association_executions_by_age ON association_executions (created_at);

-- The newest run of each association on each node.
CREATE TABLE association_nodes (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    association_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    execution_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    -- StatusDetails of the invocation, as far as it was followed.
    status TEXT NOT NULL,
    -- Ended without having reached the node: it is made up for when the node is back.
    is_missed BIGINT NOT NULL,
    -- The association is gone, or addresses the node no longer: what it said of the node is to be taken back.
    is_left BIGINT NOT NULL,
    -- When the node last took a run, and what came of the newest.
    executed_at BIGINT,
    succeeded_at BIGINT,
    summary TEXT NOT NULL,
    PRIMARY KEY (account, region, association_id, node_id)
);
CREATE INDEX association_nodes_by_node ON association_nodes (node_id, account, region, association_id);
CREATE INDEX association_nodes_by_status ON association_nodes (is_left, association_id, status, account, region);
CREATE INDEX association_nodes_by_execution ON association_nodes (execution_id, node_id, account, region);
CREATE INDEX association_nodes_left ON association_nodes (account, region, node_id) WHERE is_left = 1;
