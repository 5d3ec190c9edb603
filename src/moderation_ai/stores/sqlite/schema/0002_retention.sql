-- What retention and erasure need: the events of an object, the objects that were deleted, and how far they came.

-- The places of an object's latest events, 12 digits each, in the order of their first runs. An index on events(lane)
-- would cost every event that arrives a page of its own; this is written by the worker, beside the thing itself.
ALTER TABLE things ADD COLUMN seqs TEXT NOT NULL DEFAULT '';
UPDATE things SET seqs = found.seqs FROM (
    SELECT lane, substr(group_concat(printf('%012d', seq), ''), -12000) AS seqs FROM (
        SELECT seq, lane FROM events WHERE seq NOT IN (SELECT seq FROM queue) ORDER BY seq
    ) GROUP BY lane
) AS found WHERE found.lane = things.lane;

-- Objects whose texts have to go, and when their deletion was learned (of what was deleted before this: long ago).
CREATE TABLE deleted (
    lane TEXT    PRIMARY KEY,
    at   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX deleted_at ON deleted(at);
INSERT INTO deleted (lane, at)
    SELECT lane, 0 FROM things WHERE json_extract(CAST(thing AS TEXT), '$.deleted_at') IS NOT NULL;

-- Up to which event bodies and texts were removed.
CREATE TABLE pruned (
    what TEXT    PRIMARY KEY,
    seq  INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO pruned (what, seq) VALUES ('bodies', 0), ('texts', 0);
