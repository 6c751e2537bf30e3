-- What each node knows now: its newest observation. A server's index of facts follows the revisions.
CREATE TABLE node_facts (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    captured_at BIGINT NOT NULL,
    facts_hash BYTEA NOT NULL,
    shard BIGINT NOT NULL,
    -- Rises with each change of a hash; within a shard in the order of commits.
    revision BIGINT NOT NULL,
    PRIMARY KEY (account, region, node_id)
);
CREATE INDEX node_facts_by_revision ON node_facts (account, region, shard, revision);

CREATE TABLE fact_revisions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    shard BIGINT NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY (account, region, shard)
);

INSERT INTO node_facts (account, region, node_id, captured_at, facts_hash, shard, revision)
    SELECT o.account, o.region, o.node_id, o.captured_at, o.facts_hash, 0, 1 FROM node_observations AS o
    WHERE o.captured_at = (SELECT MAX(n.captured_at) FROM node_observations AS n
            WHERE n.account = o.account AND n.region = o.region AND n.node_id = o.node_id)
        AND EXISTS (SELECT 1 FROM nodes AS m
            WHERE m.account = o.account AND m.region = o.region AND m.node_id = o.node_id);
INSERT INTO fact_revisions (account, region, shard, last)
    SELECT DISTINCT account, region, 0, 1 FROM node_facts;
