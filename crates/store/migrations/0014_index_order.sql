-- The same indexes, but none begins as its table's primary key does. PostgreSQL plans a statement for a table that is new and empty,
-- where all indexes cost the same, and keeps that plan until it analyses the table: with the same first columns it looked for one
-- row by its key among all rows of the account. The primary key finds all that invocations_by_status found.
DROP INDEX patch_groups_by_baseline;
CREATE INDEX patch_groups_by_baseline ON patch_groups (baseline_id, account, region, patch_group);
DROP INDEX invocations_by_status;
DROP INDEX node_messages_by_command;
CREATE INDEX node_messages_by_command ON node_messages (command_id, account, region);
DROP INDEX strings_by_text;
CREATE UNIQUE INDEX strings_by_text ON strings (text, account, region);
DROP INDEX advisory_imports_by_feed;
CREATE INDEX advisory_imports_by_feed ON advisory_imports (feed, account, region, imported_at);
DROP INDEX node_facts_by_revision;
CREATE INDEX node_facts_by_revision ON node_facts (shard, account, region, revision);
DROP INDEX document_versions_by_name;
CREATE UNIQUE INDEX document_versions_by_name ON document_versions (version_name, account, region, name);
