-- Nodes that were deregistered, for as long as days of the past are shown: without them a day would list fewer nodes than were
-- counted on it.
CREATE TABLE node_departures (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    name TEXT,
    computer_name TEXT,
    registered_at BIGINT NOT NULL,
    deregistered_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, node_id)
);
CREATE INDEX node_departures_by_age ON node_departures (deregistered_at);
