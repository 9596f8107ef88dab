-- A user's key has one name in every table, and in both databases.

ALTER TABLE users RENAME COLUMN id TO user_id;
