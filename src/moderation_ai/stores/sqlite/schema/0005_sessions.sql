-- Tokens: which version of them is saved, and what may be known of them without a key.

ALTER TABLE sessions ADD COLUMN version    INTEGER NOT NULL DEFAULT 1;
ALTER TABLE sessions ADD COLUMN expires_at INTEGER;
ALTER TABLE sessions ADD COLUMN saved_at   INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN refused_at INTEGER;
ALTER TABLE sessions ADD COLUMN reason     TEXT;
