-- Who checked in, by local date and length of the streak; 367 stands for all that are longer too. `returned` are those who had
-- checked in on the date before. What erased users did stays counted.
CREATE TABLE streak_counts (
    date     INTEGER NOT NULL,
    length   INTEGER NOT NULL,
    users    INTEGER NOT NULL,
    returned INTEGER NOT NULL,
    PRIMARY KEY (date, length)
) STRICT, WITHOUT ROWID;

INSERT INTO streak_counts (date, length, users, returned)
    SELECT date, min(streak, 367) AS length, count(*), count(*) FILTER (WHERE streak > 1 AND before = date - 1) FROM (
        SELECT date, data ->> 'streak' AS streak,
            lag(date) OVER (PARTITION BY user_id ORDER BY date) AS before FROM check_in_days)
    GROUP BY date, length;

CREATE VIEW streak_totals AS SELECT date, length, users, returned FROM streak_counts;

-- Counted at once, as check-ins by the hour are: nobody else writes.
CREATE TRIGGER check_in_days_counted AFTER INSERT ON check_in_days BEGIN
    INSERT INTO streak_counts (date, length, users, returned)
        VALUES (NEW.date, min(NEW.data ->> 'streak', 367), 1,
            NEW.data ->> 'streak' > 1 AND NEW.data ->> 'dates_between' IS NULL)
        ON CONFLICT (date, length) DO UPDATE SET users = users + 1, returned = returned + excluded.returned;
END;
