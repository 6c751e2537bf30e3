-- People: who may sign in, and what they are signed in with. Secrets are kept as hashes alone.
CREATE TABLE users (
    account TEXT NOT NULL,
    user_name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    -- A PHC string, argon2id; absent while the user has no password.
    password_hash TEXT,
    password_changed_at BIGINT,
    -- JSON: the documents by their names.
    policies TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Present: may not sign in.
    disabled_at BIGINT,
    PRIMARY KEY (account, user_name)
);

-- Each is good for one sign-in. The code names nobody, so neither does the key.
CREATE TABLE sign_in_codes (
    -- Hex SHA-256.
    code_sha256 TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    -- Empty for root.
    user_name TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- Who is signed in. A cookie names nobody, so neither does the key.
CREATE TABLE sign_in_sessions (
    -- Hex SHA-256 of the cookie.
    session_sha256 TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    -- Empty for root.
    user_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sign_in_sessions_by_user ON sign_in_sessions (account, user_name);

-- How many nodes were in each state, by day; the last count of a day stays.
CREATE TABLE fleet_days (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    -- UTC: 2026-01-31.
    day TEXT NOT NULL,
    state TEXT NOT NULL,
    nodes BIGINT NOT NULL,
    PRIMARY KEY (account, region, day, state)
);
