-- Files that belong to a version of a document. Their bytes are contents of the object store that nothing else has.
CREATE TABLE document_attachments (
    account TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    file_name TEXT NOT NULL,
    -- JSON: the contents that follow each other.
    contents TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    -- Hex, of the whole file.
    sha256 TEXT NOT NULL,
    PRIMARY KEY (account, region, name, version, file_name)
);
