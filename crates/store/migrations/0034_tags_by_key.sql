-- SQLite took the index for whatever it covers, with the account, the region and the type of resource alone, although the primary key
-- finds one resource's tags: it read all tags of the fleet for them. Whoever needs this index names a key.
DROP INDEX tags_by_value;
CREATE INDEX tags_by_value ON tags (tag_key, tag_value, resource_type, account, region, resource_id);
