-- Events that were pushed when they were stored already, for an hour: polling may have been quicker than push.
-- Times are microseconds since 1970, UTC, as the callers' clocks have them.

CREATE TABLE repeats (
    seq bigint PRIMARY KEY,
    at  bigint NOT NULL
);
CREATE INDEX repeats_at ON repeats(at);
