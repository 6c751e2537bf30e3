-- Who may call: the keys of people, and what the server keeps for itself.
CREATE TABLE access_keys (
    access_key_id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    -- The principal: arn:aws:iam::ACCOUNT:root or arn:aws:iam::ACCOUNT:user/NAME.
    principal_arn TEXT NOT NULL,
    -- Encrypted with the server's key.
    sealed_secret BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT
);
CREATE INDEX access_keys_by_principal ON access_keys (account, principal_arn);

-- One value per name: the encrypted token key and the like.
CREATE TABLE server_values (
    name TEXT NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
