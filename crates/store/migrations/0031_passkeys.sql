-- Passkeys of people: public keys alone, so nothing here signs anybody in.
CREATE TABLE passkeys (
    -- Base64url, as the authenticator chose it: a sign-in names nothing else.
    credential_id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    -- Empty for root.
    user_name TEXT NOT NULL,
    name TEXT NOT NULL,
    -- The host that it is good for.
    relying_party_id TEXT NOT NULL,
    -- COSE's number of it: -7, -8 or -257.
    algorithm BIGINT NOT NULL,
    -- DER, SubjectPublicKeyInfo.
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT,
    -- Present: its counter did not go on, as that of a copy does not.
    refused_at BIGINT
);
CREATE INDEX passkeys_by_user ON passkeys (account, user_name);

-- Each is good for one answer of an authenticator.
CREATE TABLE passkey_challenges (
    -- Hex SHA-256.
    challenge_sha256 TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    -- Who registers, empty for root; absent where somebody signs in.
    user_name TEXT,
    relying_party_id TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
