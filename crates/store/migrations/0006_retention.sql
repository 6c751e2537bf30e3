-- What lets old rows be found, and lets one server at a time look for them.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL
);

-- When the server last heard of it. 0: before this was noted; the first sweep sets it.
ALTER TABLE inventory_items ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX inventory_items_by_age ON inventory_items (updated_at);
CREATE INDEX inventory_items_by_items ON inventory_items (items_hash) WHERE items_hash IS NOT NULL;

CREATE INDEX patch_reports_by_age ON patch_reports (received_at);
CREATE INDEX patch_reports_by_items ON patch_reports (items_hash);
CREATE INDEX compliance_summaries_by_items ON compliance_summaries (items_hash) WHERE items_hash IS NOT NULL;

CREATE INDEX node_observations_by_age ON node_observations (received_at);
CREATE INDEX node_observations_by_facts ON node_observations (facts_hash);
