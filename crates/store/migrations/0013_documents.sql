-- Documents that accounts made. Shipped ones are no rows: they come with the program.
CREATE TABLE documents (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    document_type TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    default_version BIGINT NOT NULL,
    -- How many were ever made: a number is not given twice.
    versions_made BIGINT NOT NULL,
    PRIMARY KEY (account, region, name)
);

CREATE TABLE document_versions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    version_name TEXT,
    display_name TEXT,
    target_type TEXT,
    document_format TEXT NOT NULL,
    content TEXT NOT NULL,
    -- Hex, of the content.
    sha256 TEXT NOT NULL,
    schema_version TEXT NOT NULL,
    description TEXT NOT NULL,
    -- JSON: parameters, platforms, requirements.
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    author TEXT NOT NULL,
    review_status TEXT,
    PRIMARY KEY (account, region, name, version)
);
CREATE UNIQUE INDEX document_versions_by_name ON document_versions (account, region, name, version_name);

CREATE TABLE document_reviews (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    review BIGINT NOT NULL,
    status TEXT NOT NULL,
    comment TEXT,
    reviewer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, name, version, review)
);

CREATE TABLE document_shares (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    -- An account, or `all`.
    shared_with TEXT NOT NULL,
    -- `$ALL`, `$LATEST`, `$DEFAULT` or a number; empty where nobody said.
    shared_version TEXT NOT NULL,
    PRIMARY KEY (account, region, name, shared_with)
);
CREATE INDEX document_shares_by_account ON document_shares (region, shared_with, account, name);
