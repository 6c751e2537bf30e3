-- What the documents refer to in Parameter Store that a command's steps fetch by themselves, as it was found when the command was
-- sent. JSON: each with the document and its version. What the command itself refers to stands in its payload.
ALTER TABLE commands ADD COLUMN referred TEXT NOT NULL DEFAULT '[]';
