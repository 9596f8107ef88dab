-- Reviews are listed by kind, and by the reviewer who works on them. Both are read out of the record, so that a server of an
-- earlier version, which does not know of them, writes them too.
ALTER TABLE reviews ADD COLUMN kind TEXT GENERATED ALWAYS AS (substr(
    data,
    instr(data, '"subject":{"') + 12,
    instr(substr(data, instr(data, '"subject":{"') + 12), '"') - 1
)) VIRTUAL;
ALTER TABLE reviews ADD COLUMN assigned_to BLOB
    GENERATED ALWAYS AS (unhex(replace(data ->> '$.assignment.reviewer', '-', ''))) VIRTUAL;
ALTER TABLE reviews ADD COLUMN assigned_until INTEGER GENERATED ALWAYS AS (data ->> '$.assignment.until') VIRTUAL;
CREATE INDEX reviews_by_kind ON reviews (status, kind, id);
CREATE INDEX reviews_by_reviewer ON reviews (assigned_to, id) WHERE assigned_to IS NOT NULL;
