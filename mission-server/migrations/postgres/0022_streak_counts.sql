-- Who checked in, by local date and length of the streak; 367 stands for all that are longer too. `returned` are those who had
-- checked in on the date before. What erased users did stays counted.
CREATE TABLE streak_counts (
    date     bigint NOT NULL,
    length   integer NOT NULL,
    users    bigint NOT NULL,
    returned bigint NOT NULL,
    PRIMARY KEY (date, length)
) WITH (fillfactor = 50);

INSERT INTO streak_counts (date, length, users, returned)
    SELECT date, least(streak, 367), count(*), count(*) FILTER (WHERE streak > 1 AND before = date - 1) FROM (
        SELECT date, (data::json ->> 'streak')::bigint AS streak,
            lag(date) OVER (PARTITION BY user_id ORDER BY date) AS before FROM check_in_days) AS days
    GROUP BY date, least(streak, 367);

-- What is to be added: a row a batch of check-ins, folded behind the commits as `activity` is.
CREATE SEQUENCE streak_note_id CACHE 1;
CREATE TABLE streak_notes (
    id       bigint PRIMARY KEY DEFAULT nextval('streak_note_id'),
    dates    bigint[] NOT NULL,
    lengths  integer[] NOT NULL,
    users    bigint[] NOT NULL,
    returned bigint[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- All of it, folded or not.
CREATE VIEW streak_totals AS
SELECT date, length::bigint AS length, sum(users)::bigint AS users, sum(returned)::bigint AS returned FROM (
    SELECT date, length, users, returned FROM streak_counts
    UNION ALL SELECT one.date, one.length, one.users, one.returned FROM streak_notes,
        unnest(streak_notes.dates, streak_notes.lengths, streak_notes.users, streak_notes.returned)
            AS one (date, length, users, returned)) AS parts
GROUP BY date, length;

-- What is asked of a day is cut out of its text, which this program writes: to read it as JSON takes ten times as long.
CREATE OR REPLACE FUNCTION note_check_ins_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM inserted) THEN
        RETURN NULL;
    END IF;
    INSERT INTO activity (kind, times, at)
        SELECT 3, count(*), checked_in_at - ((checked_in_at % 3600000000) + 3600000000) % 3600000000 AS hour
        FROM inserted GROUP BY hour;
    INSERT INTO streak_notes (dates, lengths, users, returned)
        SELECT array_agg(date), array_agg(length), array_agg(users), array_agg(returned) FROM (
            SELECT date, least(streak, 367) AS length, count(*) AS users,
                count(*) FILTER (WHERE streak > 1 AND NOT kept_over) AS returned
            FROM (SELECT date, split_part(split_part(data, '"streak":', 2), ',', 1)::bigint AS streak,
                strpos(data, '"dates_between":') > 0 AS kept_over FROM inserted) AS days
            GROUP BY date, least(streak, 367)) AS counted;
    RETURN NULL;
END
$$;
