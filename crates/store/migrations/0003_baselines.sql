-- Patch baselines of accounts, which of them nodes use, and frozen copies of them.
-- Provided baselines are no rows: they come with the program.
CREATE TABLE baselines (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    baseline_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    operating_system TEXT NOT NULL,
    -- JSON, as BaselineOverride spells it.
    rules TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    modified_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, baseline_id)
);

-- Only where someone registered another default than the provided one.
CREATE TABLE default_baselines (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    operating_system TEXT NOT NULL,
    -- An own baseline's short id, or a provided one's ARN.
    baseline_id TEXT NOT NULL,
    PRIMARY KEY (account, region, operating_system)
);

-- One baseline per group and operating system.
CREATE TABLE patch_groups (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    patch_group TEXT NOT NULL,
    operating_system TEXT NOT NULL,
    baseline_id TEXT NOT NULL,
    PRIMARY KEY (account, region, patch_group, operating_system)
);
CREATE INDEX patch_groups_by_baseline ON patch_groups (account, region, baseline_id, patch_group);

-- What nodes of one group and system were told under one snapshot id.
CREATE TABLE snapshots (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    -- Empty for nodes without a group.
    patch_group TEXT NOT NULL,
    operating_system TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    -- Hex SHA-256 of the baseline that the caller brought; empty for the registered one.
    override_sha256 TEXT NOT NULL,
    -- Null with a baseline that the caller brought.
    baseline_id TEXT,
    content TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, patch_group, operating_system, snapshot_id, override_sha256)
);
CREATE INDEX snapshots_by_age ON snapshots (created_at);

-- First answers to requests that carried a ClientToken.
CREATE TABLE client_tokens (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    operation TEXT NOT NULL,
    client_token TEXT NOT NULL,
    -- Hex SHA-256 of the request without its token.
    request_sha256 TEXT NOT NULL,
    -- JSON.
    result TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, operation, client_token)
);
CREATE INDEX client_tokens_by_age ON client_tokens (created_at);
