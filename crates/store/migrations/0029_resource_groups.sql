-- Named selections of nodes. Their tags are in `tags`.
CREATE TABLE resource_groups (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    -- JSON: what it is called, and its query or its configuration.
    settings TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, name)
);

-- Of groups that list who is in them.
CREATE TABLE resource_group_members (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    group_name TEXT NOT NULL,
    node_id TEXT NOT NULL,
    PRIMARY KEY (account, region, group_name, node_id)
);
-- For a node that is gone. Ids are everybody's own.
CREATE INDEX resource_group_members_by_node ON resource_group_members (node_id);
