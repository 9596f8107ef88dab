-- What activity events told of pairs of users, where no social service knows it.
CREATE TABLE friendships (
    user_id     uuid NOT NULL,
    friend_id   uuid NOT NULL,
    are_friends boolean NOT NULL,
    told_at     bigint NOT NULL,
    PRIMARY KEY (user_id, friend_id)
);
CREATE INDEX friendships_by_friend ON friendships (friend_id);

-- How uploaded images look, a row a band of bits: images that look nearly alike share one.
CREATE TABLE pictures (
    band    bigint NOT NULL,
    file_id uuid NOT NULL,
    user_id uuid NOT NULL,
    task_id uuid NOT NULL,
    hash    bigint NOT NULL,
    PRIMARY KEY (band, file_id)
);
CREATE INDEX pictures_by_user ON pictures (user_id);
