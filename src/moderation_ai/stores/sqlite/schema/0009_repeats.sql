-- Events that were pushed when they were stored already, for an hour: polling may have been quicker than push.

CREATE TABLE repeats (
    seq INTEGER PRIMARY KEY,
    at  INTEGER NOT NULL
);
CREATE INDEX repeats_at ON repeats(at);
