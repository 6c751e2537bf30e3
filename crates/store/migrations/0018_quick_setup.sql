-- Quick Setup: managers, the definitions they hold, and what was made of each definition in each of its regions.
CREATE TABLE quick_setup_managers (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    manager_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account, region, manager_id)
);

CREATE TABLE quick_setup_definitions (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    manager_id TEXT NOT NULL,
    definition_id TEXT NOT NULL,
    definition_type TEXT NOT NULL,
    -- JSON: an object of texts.
    parameters TEXT NOT NULL,
    administration_role TEXT,
    execution_role TEXT,
    PRIMARY KEY (account, region, manager_id, definition_id)
);

CREATE TABLE quick_setup_configurations (
    -- The manager's.
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    manager_id TEXT NOT NULL,
    definition_id TEXT NOT NULL,
    -- Where it is deployed.
    target_region TEXT NOT NULL,
    configuration_id TEXT NOT NULL,
    -- Of the deployment, in the API's words.
    status TEXT NOT NULL,
    message TEXT NOT NULL,
    -- JSON: associations by what they are for.
    associations TEXT NOT NULL,
    -- Where the baselines of a patch policy are.
    bucket TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- When it is to be brought to what it should be, or looked after.
    due_at BIGINT,
    PRIMARY KEY (account, region, manager_id, definition_id, target_region)
);
CREATE UNIQUE INDEX quick_setup_configurations_by_id
    ON quick_setup_configurations (configuration_id, account, region);
CREATE INDEX quick_setup_configurations_due ON quick_setup_configurations (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX quick_setup_configurations_by_target
    ON quick_setup_configurations (target_region, account, region, manager_id, definition_id);

CREATE TABLE quick_setup_settings (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    explorer_role TEXT,
    PRIMARY KEY (account, region)
);
