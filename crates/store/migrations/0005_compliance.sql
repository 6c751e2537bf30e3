-- What nodes reported: strings once, equal content once, a row per run, and the newest state of each
-- node in columns, so that no question about the fleet opens a report.

-- Interned text: content refers to it by number.
CREATE TABLE strings (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    string_id BIGINT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (account, region, string_id)
);
CREATE UNIQUE INDEX strings_by_text ON strings (account, region, text);
CREATE TABLE string_counters (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    last_id BIGINT NOT NULL,
    PRIMARY KEY (account, region)
);

-- The items of a patch report, shared by the reports that list the same.
CREATE TABLE report_items (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    -- SHA-256 of the items.
    items_hash BYTEA NOT NULL,
    -- Compact form: `compact.rs`, `report_items.rs`.
    body BYTEA NOT NULL,
    PRIMARY KEY (account, region, items_hash)
);

-- One row per run, never changed.
CREATE TABLE patch_reports (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    ended_at BIGINT NOT NULL,
    -- Tells apart runs that ended at the same moment.
    sequence BIGINT NOT NULL,
    captured_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    items_hash BYTEA NOT NULL,
    operation TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    baseline_id TEXT NOT NULL,
    patch_group TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    reboot_option TEXT NOT NULL,
    install_override_list TEXT NOT NULL,
    last_no_reboot_install_at BIGINT,
    execution_id TEXT NOT NULL,
    execution_type TEXT NOT NULL,
    non_compliant_severity TEXT NOT NULL,
    installed BIGINT NOT NULL,
    installed_other BIGINT NOT NULL,
    installed_pending_reboot BIGINT NOT NULL,
    installed_rejected BIGINT NOT NULL,
    missing BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    not_applicable BIGINT NOT NULL,
    unreported_not_applicable BIGINT NOT NULL,
    available_security_update BIGINT NOT NULL,
    critical_non_compliant BIGINT NOT NULL,
    security_non_compliant BIGINT NOT NULL,
    other_non_compliant BIGINT NOT NULL,
    PRIMARY KEY (account, region, node_id, ended_at, sequence)
);

-- The newest report of each node.
CREATE TABLE node_patch_states (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    ended_at BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    captured_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    items_hash BYTEA NOT NULL,
    operation TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    baseline_id TEXT NOT NULL,
    patch_group TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    reboot_option TEXT NOT NULL,
    install_override_list TEXT NOT NULL,
    last_no_reboot_install_at BIGINT,
    execution_id TEXT NOT NULL,
    execution_type TEXT NOT NULL,
    non_compliant_severity TEXT NOT NULL,
    installed BIGINT NOT NULL,
    installed_other BIGINT NOT NULL,
    installed_pending_reboot BIGINT NOT NULL,
    installed_rejected BIGINT NOT NULL,
    missing BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    not_applicable BIGINT NOT NULL,
    unreported_not_applicable BIGINT NOT NULL,
    available_security_update BIGINT NOT NULL,
    critical_non_compliant BIGINT NOT NULL,
    security_non_compliant BIGINT NOT NULL,
    other_non_compliant BIGINT NOT NULL,
    PRIMARY KEY (account, region, node_id)
);
CREATE INDEX node_patch_states_by_group ON node_patch_states (account, region, patch_group, node_id);

-- One row per resource and compliance type.
CREATE TABLE compliance_summaries (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    compliance_type TEXT NOT NULL,
    status TEXT NOT NULL,
    overall_severity TEXT NOT NULL,
    execution_at BIGINT NOT NULL,
    execution_id TEXT,
    execution_type TEXT,
    -- Of compliance type Patch.
    patch_group TEXT,
    baseline_id TEXT,
    compliant_critical BIGINT NOT NULL,
    compliant_high BIGINT NOT NULL,
    compliant_medium BIGINT NOT NULL,
    compliant_low BIGINT NOT NULL,
    compliant_informational BIGINT NOT NULL,
    compliant_unspecified BIGINT NOT NULL,
    non_compliant_critical BIGINT NOT NULL,
    non_compliant_high BIGINT NOT NULL,
    non_compliant_medium BIGINT NOT NULL,
    non_compliant_low BIGINT NOT NULL,
    non_compliant_informational BIGINT NOT NULL,
    non_compliant_unspecified BIGINT NOT NULL,
    -- What the uploader said its content hashes to.
    content_hash TEXT,
    -- Items: those of a patch report, or a list of their own (compressed JSON), never both.
    items_hash BYTEA,
    items BYTEA,
    PRIMARY KEY (account, region, resource_id, compliance_type)
);
CREATE INDEX compliance_summaries_by_status
    ON compliance_summaries (account, region, status, resource_id, compliance_type, overall_severity);

-- Numbers of nodes, kept up to date by difference. Several rows per number, so that writers of a
-- scale-out database rarely meet on one; the number is their sum.
CREATE TABLE fleet_counters (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    bucket TEXT NOT NULL,
    shard BIGINT NOT NULL,
    nodes BIGINT NOT NULL,
    PRIMARY KEY (account, region, kind, subject, bucket, shard)
);

-- Every other inventory type of a node, and the upload state of those that reports are made of.
CREATE TABLE inventory_items (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    type_name TEXT NOT NULL,
    -- The compliance type in the context of AWS:ComplianceItem; empty otherwise.
    context_type TEXT NOT NULL,
    schema_version TEXT NOT NULL,
    capture_time TEXT NOT NULL,
    content_hash TEXT,
    context TEXT NOT NULL,
    -- Of the content as JSON.
    size_bytes BIGINT NOT NULL,
    -- The items of a patch report, or compressed JSON, never both.
    items_hash BYTEA,
    content BYTEA,
    PRIMARY KEY (account, region, node_id, type_name, context_type)
);

-- Custom inventory types, learned from the first upload.
CREATE TABLE inventory_schemas (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    type_name TEXT NOT NULL,
    schema_version TEXT NOT NULL,
    attributes TEXT NOT NULL,
    PRIMARY KEY (account, region, type_name)
);

-- What package managers know, shared by the nodes that know the same.
CREATE TABLE fact_sets (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    -- SHA-256 of the canonical JSON.
    facts_hash BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    -- Compact form: `compact.rs`, `fact_sets.rs`.
    body BYTEA NOT NULL,
    PRIMARY KEY (account, region, facts_hash)
);

-- What was a node's own at each scan, never changed.
CREATE TABLE node_observations (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    node_id TEXT NOT NULL,
    captured_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    facts_hash BYTEA NOT NULL,
    observation TEXT NOT NULL,
    PRIMARY KEY (account, region, node_id, captured_at)
);

-- Every version that any fact set offers.
CREATE TABLE available_patches (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    product TEXT NOT NULL,
    name TEXT NOT NULL,
    arch TEXT NOT NULL,
    version TEXT NOT NULL,
    repository TEXT NOT NULL,
    classification TEXT NOT NULL,
    severity TEXT NOT NULL,
    -- When the repository that offers it was released.
    released_at BIGINT,
    PRIMARY KEY (account, region, product, name, arch, version, repository)
);
