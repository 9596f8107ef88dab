-- The contents that a pack has had, so that each can be put back.

CREATE TABLE pack_versions (
    pack_id    uuid NOT NULL,
    version    bigint NOT NULL,
    updated_at text NOT NULL,
    data       text NOT NULL,
    PRIMARY KEY (pack_id, version)
);
INSERT INTO pack_versions (pack_id, version, updated_at, data)
    SELECT id, (data::json ->> 'version')::bigint, data::json ->> 'updated_at', data FROM packs WHERE data IS NOT NULL;

CREATE FUNCTION keep_pack_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept CONSTANT bigint := 100;
    latest CONSTANT bigint := (NEW.data::json ->> 'version')::bigint;
BEGIN
    INSERT INTO pack_versions (pack_id, version, updated_at, data)
        VALUES (NEW.id, latest, NEW.data::json ->> 'updated_at', NEW.data)
        ON CONFLICT (pack_id, version) DO NOTHING;
    DELETE FROM pack_versions WHERE pack_id = NEW.id AND version <= latest - kept;
    RETURN NULL;
END
$$;
CREATE TRIGGER packs_put AFTER INSERT OR UPDATE OF data ON packs
    FOR EACH ROW WHEN (NEW.data IS NOT NULL) EXECUTE FUNCTION keep_pack_version();
