-- The inbox. An event's row is written once; what changes lives in small tables beside it, so that the bodies are not
-- written again with every step of the work. (The type of what only shows a state may be corrected once.) Times are microseconds since 1970, UTC.

CREATE TABLE events (
    seq         INTEGER PRIMARY KEY,
    key         BLOB    NOT NULL,   -- 16 bytes: what makes an event the same event
    platform    TEXT    NOT NULL,
    event_type  TEXT    NOT NULL,
    account     TEXT,
    lane        TEXT    NOT NULL,   -- platform:object id, the key of order
    received_at INTEGER NOT NULL,
    event       BLOB    NOT NULL,   -- the normal form, JSON
    raw         BLOB,               -- the delivery's body, where it carried this event alone
    headers     TEXT,               -- what a parser needs beside the body; never a secret
    delivery    INTEGER REFERENCES deliveries(id)
);
CREATE UNIQUE INDEX events_key ON events(key);

-- The bodies of deliveries that carried several events.
CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    raw         BLOB,
    headers     TEXT
);

-- Events whose handlers have not run yet. state: 0 ready, 1 leased to a worker, 2 behind another of its lane.
CREATE TABLE queue (
    seq    INTEGER PRIMARY KEY,
    state  INTEGER NOT NULL,
    worker INTEGER,
    lane   TEXT    NOT NULL,
    forced INTEGER NOT NULL DEFAULT 0  -- 1 made by hand, 2 replayed: handled whatever is known of the object
);
CREATE INDEX queue_ready ON queue(state) WHERE state = 0;
CREATE INDEX queue_leased ON queue(lane) WHERE state = 1;
CREATE INDEX queue_behind ON queue(lane, seq) WHERE state = 2;

-- Events that are finished. status: 1 done, 2 dead, 3 superseded, 4 unhandled.
CREATE TABLE settled (
    seq    INTEGER PRIMARY KEY,
    status INTEGER NOT NULL
);

-- How many they are, so that nobody has to count a million rows.
CREATE TABLE settled_counts (
    status INTEGER PRIMARY KEY,
    events INTEGER NOT NULL
);
INSERT INTO settled_counts (status, events) VALUES (1, 0), (2, 0), (3, 0), (4, 0);
CREATE TRIGGER settled_added AFTER INSERT ON settled BEGIN
    UPDATE settled_counts SET events = events + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER settled_changed AFTER UPDATE OF status ON settled BEGIN
    UPDATE settled_counts SET events = events - 1 WHERE status = OLD.status;
    UPDATE settled_counts SET events = events + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER settled_removed AFTER DELETE ON settled BEGIN
    UPDATE settled_counts SET events = events - 1 WHERE status = OLD.status;
END;

-- What each handler did with each event. state: 0 to be retried, 1 done, 2 dead, 3 superseded, 4 dropped.
CREATE TABLE attempts (
    seq         INTEGER NOT NULL,
    handler     TEXT    NOT NULL,
    state       INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    ran_at      INTEGER,
    error       TEXT,
    due_at      INTEGER,
    holds_until INTEGER,
    lane        TEXT,
    worker      INTEGER,
    forced      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (seq, handler)
) WITHOUT ROWID;
CREATE INDEX attempts_due ON attempts(due_at) WHERE state = 0;
CREATE INDEX attempts_open ON attempts(lane, handler, seq) WHERE state = 0;
CREATE INDEX attempts_dead ON attempts(seq) WHERE state = 2;

-- Who holds leases, and until when.
CREATE TABLE workers (
    id    INTEGER PRIMARY KEY,
    name  TEXT    NOT NULL UNIQUE,
    until INTEGER NOT NULL
);

-- What we last knew of each object.
CREATE TABLE things (
    lane  TEXT PRIMARY KEY,
    thing BLOB NOT NULL
) WITHOUT ROWID;

-- Authentic kinds that we have no use for, counted.
CREATE TABLE ignored (
    platform TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    PRIMARY KEY (platform, kind)
) WITHOUT ROWID;

CREATE TABLE subscriptions (
    platform     TEXT NOT NULL,
    id           TEXT NOT NULL,
    subscription BLOB NOT NULL,
    PRIMARY KEY (platform, id)
) WITHOUT ROWID;
