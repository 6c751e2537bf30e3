-- Parameter Store. Tags of parameters are in `tags`, by the key.
CREATE TABLE parameters (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    -- The name without its leading slash: `/x` and `x` are one.
    parameter_key TEXT NOT NULL,
    -- As it was created.
    name TEXT NOT NULL,
    -- What stands before the key's last slash; empty at the top.
    parent TEXT NOT NULL,
    -- The newest.
    version BIGINT NOT NULL,
    -- When a policy is to be looked at next.
    due_at BIGINT,
    PRIMARY KEY (account, region, parameter_key)
);
CREATE INDEX parameters_by_due ON parameters (due_at);

CREATE TABLE parameter_versions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    parameter_key TEXT NOT NULL,
    version BIGINT NOT NULL,
    -- String, StringList or SecureString.
    type TEXT NOT NULL,
    -- UTF-8; of a SecureString encrypted.
    value BYTEA NOT NULL,
    -- Of a SecureString.
    key_id TEXT,
    tier TEXT NOT NULL,
    data_type TEXT NOT NULL,
    description TEXT,
    allowed_pattern TEXT,
    -- JSON: each with how far it is.
    policies TEXT NOT NULL,
    modified_at BIGINT NOT NULL,
    -- An ARN.
    modified_by TEXT NOT NULL,
    PRIMARY KEY (account, region, parameter_key, version)
);

CREATE TABLE parameter_labels (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    parameter_key TEXT NOT NULL,
    label TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (account, region, parameter_key, label)
);
