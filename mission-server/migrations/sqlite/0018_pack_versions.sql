-- The contents that a pack has had, so that each can be put back.

CREATE TABLE pack_versions (
    pack_id    BLOB NOT NULL,
    version    INTEGER NOT NULL,
    updated_at TEXT NOT NULL,
    data       TEXT NOT NULL,
    PRIMARY KEY (pack_id, version)
) STRICT;
INSERT INTO pack_versions (pack_id, version, updated_at, data)
    SELECT id, json_extract(data, '$.version'), json_extract(data, '$.updated_at'), data FROM packs WHERE data IS NOT NULL;

CREATE TRIGGER packs_inserted AFTER INSERT ON packs WHEN NEW.data IS NOT NULL
BEGIN
    INSERT INTO pack_versions (pack_id, version, updated_at, data) VALUES (
        NEW.id, json_extract(NEW.data, '$.version'), json_extract(NEW.data, '$.updated_at'), NEW.data);
END;
CREATE TRIGGER packs_updated AFTER UPDATE OF data ON packs WHEN NEW.data IS NOT NULL
BEGIN
    INSERT INTO pack_versions (pack_id, version, updated_at, data) VALUES (
        NEW.id, json_extract(NEW.data, '$.version'), json_extract(NEW.data, '$.updated_at'), NEW.data)
        ON CONFLICT (pack_id, version) DO NOTHING;
    DELETE FROM pack_versions WHERE pack_id = NEW.id AND version <= json_extract(NEW.data, '$.version') - 100;
END;
