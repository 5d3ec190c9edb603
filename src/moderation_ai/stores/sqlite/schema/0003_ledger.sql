-- The ledger: decisions, the actions that follow from them, and what became of each. Decisions and receipts are only
-- added to. What a platform's call needs (names, a reply's text) stands in an action's row while that is open.

CREATE TABLE decisions (
    id       INTEGER PRIMARY KEY,
    action   INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    decision BLOB    NOT NULL
);
CREATE INDEX decisions_action ON decisions(action);

-- state: 0 due, 1 leased to a worker, 2 to be tried again at due_at, 3 settled.
CREATE TABLE actions (
    id        INTEGER PRIMARY KEY,
    key       BLOB    NOT NULL,     -- 16 bytes: object, action and text version
    turn      INTEGER NOT NULL,     -- which time it is wanted, where a person changed their mind
    platform  TEXT    NOT NULL,
    account   TEXT    NOT NULL,
    object_id TEXT    NOT NULL,
    action    TEXT    NOT NULL,
    severity  INTEGER NOT NULL,
    state     INTEGER NOT NULL DEFAULT 0,
    status    TEXT    NOT NULL DEFAULT 'open',
    tries     INTEGER NOT NULL DEFAULT 0,
    begun     INTEGER NOT NULL DEFAULT 0,
    wanted_at INTEGER NOT NULL,
    due_at    INTEGER,
    worker    TEXT,
    until     INTEGER,              -- when the lease ends
    target    BLOB,
    text      TEXT,
    reason    TEXT,
    made_id   TEXT
);
CREATE UNIQUE INDEX actions_key ON actions(key, turn);
CREATE INDEX actions_due ON actions(platform, account, severity DESC, id) WHERE state = 0;
CREATE INDEX actions_leased ON actions(until) WHERE state = 1;
CREATE INDEX actions_waiting ON actions(due_at) WHERE state = 2;
CREATE INDEX actions_object ON actions(platform, object_id, id);

CREATE TABLE receipts (
    id      INTEGER PRIMARY KEY,
    action  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    status  TEXT    NOT NULL,
    reason  TEXT,
    made_id TEXT
);
CREATE INDEX receipts_action ON receipts(action);

-- One row for each account that ever had an action.
CREATE TABLE outboxes (
    platform     TEXT NOT NULL,
    account      TEXT NOT NULL,
    paused_until INTEGER,
    reason       TEXT,
    PRIMARY KEY (platform, account)
) WITHOUT ROWID;

-- What was spent of an allowance, in tenths of its period.
CREATE TABLE spending (
    platform TEXT    NOT NULL,
    account  TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    slot     INTEGER NOT NULL,
    units    INTEGER NOT NULL,
    PRIMARY KEY (platform, account, name, slot)
) WITHOUT ROWID;

-- Tokens that were refreshed, encrypted.
CREATE TABLE sessions (
    platform TEXT NOT NULL,
    account  TEXT NOT NULL,
    session  BLOB NOT NULL,
    PRIMARY KEY (platform, account)
) WITHOUT ROWID;
