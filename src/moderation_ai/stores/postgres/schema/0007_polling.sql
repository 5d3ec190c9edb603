-- Polling: how far each feed was read and what came of it, and who alone does what at the moment.
-- Times are microseconds since 1970, UTC, by the database's clock.

CREATE TABLE cursors (
    platform text  NOT NULL,
    account  text  NOT NULL,
    feed     text  NOT NULL,
    cursor   bytea NOT NULL,
    PRIMARY KEY (platform, account, feed)
);

CREATE TABLE duties (
    name   text   PRIMARY KEY,
    worker text   NOT NULL,
    until  bigint NOT NULL     -- when the lease ends
);
