-- A width between the two, so that a rank is a sum over few dozens of rows.
INSERT INTO score_counts (board, width, bucket, users)
    SELECT board, 25, points >> 25, count(*) FROM scores WHERE points <> 0 GROUP BY board, points >> 25;
