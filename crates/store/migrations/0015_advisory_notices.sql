-- Which versions of packages the publishers' own notices (USN, DSA, AVG) announce, by import. Text by its interned number.
CREATE TABLE advisory_notices (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    import_id BIGINT NOT NULL,
    subject BIGINT NOT NULL,
    -- 1: a source package; 2: a binary one.
    kind BIGINT NOT NULL,
    distribution BIGINT NOT NULL,
    version BIGINT NOT NULL,
    advisory BIGINT NOT NULL,
    PRIMARY KEY (account, region, import_id, subject, kind, distribution, version, advisory)
);
