-- `windows` for updates of Microsoft's catalogue, `linux` for package versions.
ALTER TABLE available_patches ADD COLUMN kind TEXT NOT NULL DEFAULT 'linux';

-- JSON: advisories, CVE and Bugzilla ids; the update.
ALTER TABLE available_patches ADD COLUMN detail TEXT NOT NULL DEFAULT '{}';
