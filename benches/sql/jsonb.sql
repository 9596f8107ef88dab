-- What `jsonb` in place of `text` would cost and buy for records: 100,000 of them, written, updated, read and summed.
-- psql -d SCRATCH_DATABASE -f benches/sql/jsonb.sql
DROP TABLE IF EXISTS as_text, as_jsonb;
CREATE TABLE as_text (id bigint PRIMARY KEY, data text NOT NULL);
CREATE TABLE as_jsonb (id bigint PRIMARY KEY, data jsonb NOT NULL);
CREATE TEMP TABLE source AS SELECT i AS id, json_build_object(
    'id', md5(i::text)::uuid, 'user_id', md5((i / 5)::text)::uuid, 'mission_id', md5((i % 50)::text)::uuid,
    'mission_version', 3, 'status', 'in_progress',
    'progress', json_build_object('current', i % 10, 'target', 10, 'percent', '40.00'),
    'started_at', '2026-01-05T10:00:00Z', 'completed_at', NULL, 'due_at', '2026-01-06T00:00:00Z',
    'period', json_build_object('kind', 'day', 'from', '2026-01-05', 'to', '2026-01-05'), 'evidence', json_build_array(),
    'reward', json_build_object('points', '50.000000', 'mining_boost_percent', '2.5', 'experience_points', 20),
    'seen_events', json_build_array(md5((i + 1)::text), md5((i + 2)::text)))::text AS data
FROM generate_series(1, 100000) i;
ANALYZE source;
CHECKPOINT;
\timing on
\echo insert, text and jsonb
INSERT INTO as_text SELECT id, data FROM source;
INSERT INTO as_jsonb SELECT id, data::jsonb FROM source;
\echo read the records, text and jsonb
SELECT sum(length(data)) FROM as_text;
SELECT sum(length(data::text)) FROM as_jsonb;
\echo sum a field, text and jsonb
SELECT sum((data::jsonb -> 'progress' ->> 'current')::int) FROM as_text;
SELECT sum((data -> 'progress' ->> 'current')::int) FROM as_jsonb;
\timing off
SELECT avg(pg_column_size(t.data)) AS bytes_of_text, avg(pg_column_size(j.data)) AS bytes_of_jsonb
FROM as_text t JOIN as_jsonb j USING (id);
DROP TABLE as_text, as_jsonb;
