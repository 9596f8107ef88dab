-- Reviews are listed by kind, and by the reviewer who works on them. Both are read out of the record, so that a server of an
-- earlier version, which does not know of them, writes them too.
ALTER TABLE reviews
    ADD COLUMN kind text GENERATED ALWAYS AS (substring(data FROM '"subject":\{"([a-z_]+)"')) STORED,
    ADD COLUMN assigned_to uuid GENERATED ALWAYS AS (
        substring(data FROM '"assignment":\{"reviewer":"([0-9a-f-]{36})"')::uuid) STORED,
    ADD COLUMN assigned_until bigint GENERATED ALWAYS AS (
        substring(data FROM '"assignment":\{"reviewer":"[0-9a-f-]{36}","until":([0-9]+)\}')::bigint) STORED;
CREATE INDEX reviews_by_kind ON reviews (status, kind, id);
CREATE INDEX reviews_by_reviewer ON reviews (assigned_to, id) WHERE assigned_to IS NOT NULL;
