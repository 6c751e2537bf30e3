-- Which baseline a node brought first under a snapshot id: later ones have no effect on it.
CREATE TABLE snapshot_pins (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    -- Of the snapshot that it got.
    override_sha256 TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, node_id, snapshot_id)
);
CREATE INDEX snapshot_pins_by_age ON snapshot_pins (created_at);
