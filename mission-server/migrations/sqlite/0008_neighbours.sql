-- What activity events told of pairs of users, where no social service knows it.
CREATE TABLE friendships (
    user_id     BLOB NOT NULL,
    friend_id   BLOB NOT NULL,
    are_friends INTEGER NOT NULL,
    told_at     INTEGER NOT NULL,
    PRIMARY KEY (user_id, friend_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX friendships_by_friend ON friendships (friend_id);

-- How uploaded images look, a row a band of bits: images that look nearly alike share one.
CREATE TABLE pictures (
    band    INTEGER NOT NULL,
    file_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    task_id BLOB NOT NULL,
    hash    INTEGER NOT NULL,
    PRIMARY KEY (band, file_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pictures_by_user ON pictures (user_id);
