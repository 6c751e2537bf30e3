-- Buckets belong to an account; the region is the one they were made in, for clients that ask.
CREATE TABLE object_buckets (
    account TEXT NOT NULL,
    bucket TEXT NOT NULL,
    region TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, bucket)
);

-- What a key names. Keys are UTF-8 as bytes: lists are ordered by them, on every engine alike.
CREATE TABLE objects (
    account TEXT NOT NULL,
    bucket TEXT NOT NULL,
    object_key BYTEA NOT NULL,
    -- JSON: the contents that follow each other, and what was said of them.
    contents TEXT NOT NULL,
    headers TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    etag TEXT NOT NULL,
    modified_at BIGINT NOT NULL,
    PRIMARY KEY (account, bucket, object_key)
);

-- Uploads in parts that are not complete, and their parts.
CREATE TABLE object_uploads (
    account TEXT NOT NULL,
    upload_id TEXT NOT NULL,
    bucket TEXT NOT NULL,
    object_key BYTEA NOT NULL,
    headers TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    PRIMARY KEY (account, upload_id)
);
CREATE INDEX object_uploads_by_bucket ON object_uploads (account, bucket);
CREATE INDEX object_uploads_by_age ON object_uploads (started_at);

CREATE TABLE object_upload_parts (
    account TEXT NOT NULL,
    upload_id TEXT NOT NULL,
    part_number BIGINT NOT NULL,
    content TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    etag TEXT NOT NULL,
    PRIMARY KEY (account, upload_id, part_number)
);

-- Contents that no object and no part has: being written, or no longer needed. Deleted when due.
CREATE TABLE object_waste (
    content TEXT NOT NULL,
    -- The server that writes it; empty when nobody does.
    holder TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (content)
);
CREATE INDEX object_waste_by_age ON object_waste (due_at);
