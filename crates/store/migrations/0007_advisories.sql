-- What imported feeds say: which versions of packages fix which CVEs.

-- One row per feed that is in force, or being imported. A feed's newest whole import is the one in force.
CREATE TABLE advisory_imports (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    import_id BIGINT NOT NULL,
    feed TEXT NOT NULL,
    format TEXT NOT NULL,
    origin TEXT NOT NULL,
    published_at BIGINT,
    started_at BIGINT NOT NULL,
    touched_at BIGINT NOT NULL,
    -- Set with the last part.
    imported_at BIGINT,
    next_chunk BIGINT NOT NULL,
    statements BIGINT NOT NULL,
    PRIMARY KEY (account, region, import_id)
);
CREATE INDEX advisory_imports_by_feed ON advisory_imports (account, region, feed, imported_at);

-- Text by its interned number; 0 is no text.
CREATE TABLE advisory_statements (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    import_id BIGINT NOT NULL,
    subject BIGINT NOT NULL,
    -- 1: a source package; 2: a binary one.
    kind BIGINT NOT NULL,
    distribution BIGINT NOT NULL,
    cve BIGINT NOT NULL,
    introduced BIGINT NOT NULL,
    fixed BIGINT NOT NULL,
    severity BIGINT NOT NULL,
    PRIMARY KEY (account, region, import_id, subject, kind, distribution, cve, introduced, fixed)
);
CREATE INDEX advisory_statements_by_cve ON advisory_statements (account, region, cve, import_id);

-- Which systems an import speaks of.
CREATE TABLE advisory_distributions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    import_id BIGINT NOT NULL,
    distribution TEXT NOT NULL,
    PRIMARY KEY (account, region, import_id, distribution)
);
