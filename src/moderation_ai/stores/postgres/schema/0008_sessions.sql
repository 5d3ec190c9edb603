-- Tokens: which version of them is saved, and what may be known of them without a key.

ALTER TABLE sessions
    ADD COLUMN version    bigint NOT NULL DEFAULT 1,
    ADD COLUMN expires_at bigint,
    ADD COLUMN saved_at   bigint NOT NULL DEFAULT 0,
    ADD COLUMN refused_at bigint,
    ADD COLUMN reason     text;
