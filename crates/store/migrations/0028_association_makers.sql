-- Who made the newest version: with whose rights a runbook's runs act. NULL: the server itself, and whoever did before this
-- was noted.
ALTER TABLE associations ADD COLUMN made_by TEXT;
