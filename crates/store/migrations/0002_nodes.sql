-- Activations, the nodes registered with them, and the tags of everything.
CREATE TABLE activations (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    activation_id TEXT NOT NULL,
    -- Hex SHA-256: the code itself is shown once and not kept.
    code_sha256 TEXT NOT NULL,
    iam_role TEXT NOT NULL,
    default_instance_name TEXT,
    description TEXT,
    registration_limit BIGINT NOT NULL,
    registrations_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, activation_id)
);
-- Registration is unsigned and names neither account nor region.
CREATE UNIQUE INDEX activations_by_id ON activations (activation_id);

CREATE TABLE nodes (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    activation_id TEXT,
    iam_role TEXT NOT NULL,
    name TEXT,
    registered_at BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    -- Base64 of the DER SubjectPublicKeyInfo; the previous one until the new one was used once.
    public_key TEXT NOT NULL,
    previous_public_key TEXT,
    agent_name TEXT,
    agent_version TEXT,
    agent_status TEXT,
    platform_type TEXT,
    platform_name TEXT,
    platform_version TEXT,
    computer_name TEXT,
    ip_address TEXT,
    connection_channel TEXT,
    -- Last sign of life, written at most once a minute.
    last_seen_at BIGINT,
    -- An open control channel renews this; past it the channel counts as closed.
    channel_until BIGINT,
    PRIMARY KEY (account, region, node_id)
);
CREATE UNIQUE INDEX nodes_by_id ON nodes (node_id);

CREATE TABLE tags (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    tag_key TEXT NOT NULL,
    tag_value TEXT NOT NULL,
    PRIMARY KEY (account, region, resource_type, resource_id, tag_key)
);
CREATE INDEX tags_by_value ON tags (account, region, resource_type, tag_key, tag_value, resource_id);
