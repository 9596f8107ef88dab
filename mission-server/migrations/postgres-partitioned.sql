-- Divides the tables by the hash of their first key, here into 16 partitions each, without a change of the server.
--
-- Run it with psql by the role that owns the tables, after a server has made them, while no server runs:
--
--     psql --single-transaction -c "SET mission.partitions = '16'" -f postgres-partitioned.sql "$MISSION_DATABASE_URL"
--
-- It moves what is in the tables already, and leaves those alone that are divided. Privileges that were granted on the
-- tables and views have to be granted again.
DO $$
DECLARE
    partitions CONSTANT integer := coalesce(nullif(current_setting('mission.partitions', TRUE), ''), '16');
    divided record;
    reporting text[];
    triggers text[];
    statement text;
    written text;
BEGIN
    -- The views that read the tables are made anew.
    SELECT array_agg(format('CREATE VIEW %I AS %s', viewname, definition)) INTO reporting
    FROM pg_views WHERE schemaname = current_schema() AND viewname LIKE 'v\_%';
    FOREACH statement IN ARRAY (SELECT coalesce(array_agg(format('DROP VIEW %I', viewname)), '{}')
        FROM pg_views WHERE schemaname = current_schema() AND viewname LIKE 'v\_%') LOOP
        EXECUTE statement;
    END LOOP;
    FOR divided IN SELECT * FROM (VALUES
        ('users', 'user_id'),
        ('tasks', 'user_id'),
        ('participations', 'user_id'),
        ('rewards', 'user_id'),
        ('reviews', 'user_id'),
        ('check_in_days', 'user_id'),
        ('sightings', 'user_id'),
        ('friendships', 'user_id'),
        ('wallet_erasures', 'user_id'),
        ('wallet_entries', 'user_id'),
        ('journal', 'root_id'),
        ('receipts', 'caller, command'),
        ('claims', 'key'),
        ('reward_sources', 'source_id')
    ) AS t (name, key) LOOP
        CONTINUE WHEN (SELECT relkind FROM pg_class WHERE oid = divided.name::regclass) = 'p';
        -- Triggers go with the old table; what is moved is not noted once more.
        SELECT array_agg(pg_get_triggerdef(oid)) INTO triggers
        FROM pg_trigger WHERE tgrelid = divided.name::regclass AND NOT tgisinternal;
        EXECUTE format('ALTER TABLE %I RENAME TO %I', divided.name, divided.name || '_whole');
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY HASH (%s)',
            divided.name, divided.name || '_whole', divided.key);
        FOR remainder IN 0 .. partitions - 1 LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
                divided.name || '_' || remainder, divided.name, partitions, remainder);
        END LOOP;
        -- What is computed out of other columns is computed again.
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO written FROM pg_attribute
        WHERE attrelid = divided.name::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
        EXECUTE format('INSERT INTO %I (%s) SELECT %s FROM %I', divided.name, written, written, divided.name || '_whole');
        EXECUTE format('DROP TABLE %I', divided.name || '_whole');
        FOREACH statement IN ARRAY coalesce(triggers, '{}') LOOP
            EXECUTE statement;
        END LOOP;
    END LOOP;
    FOREACH statement IN ARRAY coalesce(reporting, '{}') LOOP
        EXECUTE statement;
    END LOOP;
END
$$;
