-- Decisions by themselves: what only asks a person leads to no action, and what a person decided holds for its text.
-- (Nothing wrote the table before this.)
DROP TABLE decisions;
CREATE TABLE decisions (
    id        INTEGER PRIMARY KEY,
    key       BLOB    NOT NULL,   -- 16 bytes: object, text version, who decided, what is done
    platform  TEXT    NOT NULL,
    account   TEXT    NOT NULL,
    object_id TEXT    NOT NULL,
    version   TEXT    NOT NULL,   -- a hash of the text; empty where it was not known
    seq       INTEGER,            -- the event that was judged
    at        INTEGER NOT NULL,
    made_by   TEXT    NOT NULL,   -- policy@version, or who the person is
    by_person INTEGER NOT NULL,
    verdict   TEXT    NOT NULL,
    severity  INTEGER NOT NULL,
    action    INTEGER,            -- what is done
    reason    TEXT,               -- why nothing is
    decision  BLOB
);
CREATE UNIQUE INDEX decisions_key ON decisions(key);
CREATE INDEX decisions_object ON decisions(platform, object_id, id);
CREATE INDEX decisions_action ON decisions(action) WHERE action IS NOT NULL;

ALTER TABLE actions ADD COLUMN version TEXT NOT NULL DEFAULT '';
