-- The inbox, table by table as SQLite's. An event's row is written once; what changes lives in small tables beside it.
-- All of it stands in the schema moderation_ai, so that a database may hold other things too.

CREATE SEQUENCE events_seq;

CREATE TABLE events (
    seq         bigint      PRIMARY KEY,
    key         bytea       NOT NULL,   -- 16 bytes: what makes an event the same event
    platform    text        NOT NULL,
    event_type  text        NOT NULL,
    account     text,
    lane        text        NOT NULL,   -- platform:object id, the key of order
    received_at timestamptz NOT NULL,
    event       bytea       NOT NULL,   -- the normal form, JSON; bytes, because text cannot hold a NUL
    raw         bytea,                  -- the delivery's body, where it carried this event alone
    headers     text,                   -- what a parser needs beside the body; never a secret
    delivery    bigint
) WITH (toast_tuple_target = 8160);     -- a usual event stays in its page, and is not compressed on its way in
CREATE UNIQUE INDEX events_key ON events (key);

-- The bodies of deliveries that carried several events.
CREATE TABLE deliveries (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at timestamptz NOT NULL,
    raw         bytea,
    headers     text
);

-- Events whose handlers have not run yet. state: 0 ready, 1 leased to a worker, 2 behind another of its lane.
CREATE TABLE queue (
    seq    bigint   PRIMARY KEY,
    state  smallint NOT NULL,
    worker integer,
    claim  bigint,                      -- which claim leased it: one whose answer was lost can be taken back
    lane   text     NOT NULL,
    forced smallint NOT NULL DEFAULT 0  -- 1 made by hand, 2 replayed: handled whatever is known of the object
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX queue_ready ON queue (seq) WHERE state = 0;
CREATE INDEX queue_leased ON queue (lane) WHERE state = 1;
CREATE INDEX queue_behind ON queue (lane, seq) WHERE state = 2;

-- Events that are finished. status: 1 done, 2 dead, 3 superseded, 4 unhandled.
CREATE TABLE settled (
    seq    bigint   PRIMARY KEY,
    status smallint NOT NULL
);

-- How many they are, so that nobody has to count a million rows.
CREATE TABLE settled_counts (
    status smallint PRIMARY KEY,
    events bigint   NOT NULL
) WITH (fillfactor = 10);
INSERT INTO settled_counts (status, events) VALUES (1, 0), (2, 0), (3, 0), (4, 0);

CREATE FUNCTION count_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE moderation_ai.settled_counts c SET events = c.events - o.events
        FROM (SELECT status, count(*) AS events FROM before GROUP BY status) o WHERE o.status = c.status;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        UPDATE moderation_ai.settled_counts c SET events = c.events + n.events
        FROM (SELECT status, count(*) AS events FROM after GROUP BY status) n WHERE n.status = c.status;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER settled_added AFTER INSERT ON settled REFERENCING NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION count_settled();
CREATE TRIGGER settled_changed AFTER UPDATE ON settled REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION count_settled();
CREATE TRIGGER settled_removed AFTER DELETE ON settled REFERENCING OLD TABLE AS before
    FOR EACH STATEMENT EXECUTE FUNCTION count_settled();

-- What each handler did with each event. state: 0 to be retried, 1 done, 2 dead, 3 superseded, 4 dropped.
CREATE TABLE attempts (
    seq         bigint   NOT NULL,
    handler     text     NOT NULL,
    state       smallint NOT NULL,
    attempts    integer  NOT NULL,
    ran_at      timestamptz,
    error       bytea,                  -- a text that may hold a NUL
    due_at      timestamptz,
    holds_until timestamptz,
    lane        text,
    worker      integer,
    claim       bigint,
    forced      smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (seq, handler)
);
CREATE INDEX attempts_due ON attempts (due_at) WHERE state = 0;
CREATE INDEX attempts_open ON attempts (lane, handler, seq) WHERE state = 0;
CREATE INDEX attempts_dead ON attempts (seq) WHERE state = 2;

-- Who holds leases, and until when by this database's clock.
CREATE TABLE workers (
    id    integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  text        NOT NULL UNIQUE,
    until timestamptz NOT NULL
) WITH (fillfactor = 10);

-- What we last knew of each object ({} is nothing), and the places of its latest events in the order of their first runs.
-- An index on events (lane) would cost every event that arrives a page of its own; this is written by the worker.
CREATE TABLE things (
    lane  text     PRIMARY KEY,
    thing bytea    NOT NULL,
    seqs  bigint[] NOT NULL DEFAULT '{}'
);

-- Objects whose texts have to go, and when their deletion was learned.
CREATE TABLE deleted (
    lane text        PRIMARY KEY,
    at   timestamptz NOT NULL
);
CREATE INDEX deleted_at ON deleted (at);

-- Up to which event bodies and texts were removed.
CREATE TABLE pruned (
    what text   PRIMARY KEY,
    seq  bigint NOT NULL
);
INSERT INTO pruned (what, seq) VALUES ('bodies', 0), ('texts', 0);

-- Authentic kinds that we have no use for, counted.
CREATE TABLE ignored (
    platform text   NOT NULL,
    kind     text   NOT NULL,
    count    bigint NOT NULL,
    PRIMARY KEY (platform, kind)
) WITH (fillfactor = 10);

CREATE TABLE subscriptions (
    platform     text  NOT NULL,
    id           text  NOT NULL,
    subscription bytea NOT NULL,
    PRIMARY KEY (platform, id)
);
