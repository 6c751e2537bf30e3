-- Staged rollouts of commands: the plan, and how far it came. The id is that of the command.
CREATE TABLE rollouts (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    rollout_id TEXT NOT NULL,
    association_id TEXT NOT NULL,
    -- JSON, as it was asked for.
    plan TEXT NOT NULL,
    standing TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- Which ring it has come to, from 0 on, and where that is.
    ring BIGINT NOT NULL,
    phase TEXT NOT NULL,
    phase_at BIGINT NOT NULL,
    ring_at BIGINT NOT NULL,
    -- The command that is the ring's probe.
    probe_id TEXT,
    -- JSON: by ring, what it had shown when it was judged.
    records TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    -- When nothing was at work any more, and nothing to follow.
    ended_at BIGINT,
    PRIMARY KEY (account, region, rollout_id)
);
CREATE INDEX rollouts_open ON rollouts (created_at, rollout_id) WHERE ended_at IS NULL;
CREATE INDEX rollouts_by_time ON rollouts (created_at, account, region, rollout_id);

-- To which ring a node belongs at the moment: whom a ring has not reached falls back to the next.
CREATE TABLE rollout_nodes (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    rollout_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    ring BIGINT NOT NULL,
    PRIMARY KEY (account, region, rollout_id, node_id)
);

-- How the installations of a patch policy are rolled out.
CREATE TABLE patch_policy_rollouts (
    -- The manager's.
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    manager_id TEXT NOT NULL,
    definition_id TEXT NOT NULL,
    -- JSON.
    plan TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, manager_id, definition_id)
);
