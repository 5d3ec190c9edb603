-- Polling: how far each feed was read and what came of it, and who alone does what at the moment.

CREATE TABLE cursors (
    platform TEXT NOT NULL,
    account  TEXT NOT NULL,
    feed     TEXT NOT NULL,
    cursor   BLOB NOT NULL,
    PRIMARY KEY (platform, account, feed)
) WITHOUT ROWID;

CREATE TABLE duties (
    name   TEXT    PRIMARY KEY,
    worker TEXT    NOT NULL,
    until  INTEGER NOT NULL    -- when the lease ends
) WITHOUT ROWID;
