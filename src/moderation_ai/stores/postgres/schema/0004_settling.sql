-- Settling: what came of events is recorded, and their lanes go on; twice is once. What is finished already is left as it
-- is, and with a worker's name also what that worker does not hold any more.

CREATE FUNCTION save_status(_seqs bigint[]) RETURNS void LANGUAGE sql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off AS $$
    -- Two workers may run two handlers of one event at a time, neither knowing what came of the other: it is asked here.
    INSERT INTO settled AS s (seq, status)
    SELECT seq, CASE WHEN bool_or(state = 2) THEN 2 WHEN min(state) = 3 AND max(state) = 3 THEN 3 ELSE 1 END
    FROM attempts WHERE seq = ANY (_seqs) GROUP BY seq HAVING min(state) > 0
    ON CONFLICT (seq) DO UPDATE SET status = excluded.status
$$;

-- The places of an object's events that are kept: its latest thousand.
CREATE FUNCTION latest(_seqs bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE AS $$
    SELECT _seqs[greatest(cardinality(_seqs) - 999, 1):]
$$;

-- The columns of what came of events are _seq to _is_deleted, those of their attempts _a_seq to _holds_until. The type of
-- what only shows a state may turn out to be another: _t_seq to _t_event.
CREATE FUNCTION settle_events(
    _name text, _now timestamptz,
    _seq bigint[], _status smallint[], _is_open boolean[], _thing bytea[], _is_deleted boolean[],
    _a_seq bigint[], _handler text[], _state smallint[], _attempts integer[], _ran_at timestamptz[], _error bytea[],
    _due_at timestamptz[], _holds_until timestamptz[],
    _t_seq bigint[], _t_type text[], _t_event bytea[]
) RETURNS void LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off SET enable_nestloop = off AS $$
DECLARE
    me integer;
    first_runs bigint[];
    retried bigint[];
    lanes text[];
    more text[];
BEGIN
    PERFORM one_at_a_time();
    SELECT id INTO me FROM workers WHERE name = _name;
    -- Events whose handlers ran for the first time leave the queue.
    WITH left_queue AS (
        DELETE FROM queue q WHERE q.seq = ANY (_seq) AND (_name IS NULL OR (q.state = 1 AND q.worker = me))
        RETURNING q.seq, q.lane, q.forced
    ), outcome AS MATERIALIZED (
        -- Of several outcomes of one event the first counts, the others come too late.
        SELECT DISTINCT ON (o.seq) o.seq, o.status, o.is_open, o.thing, o.is_deleted, o.place, l.lane, l.forced
        FROM unnest(_seq, _status, _is_open, _thing, _is_deleted) WITH ORDINALITY
            AS o (seq, status, is_open, thing, is_deleted, place)
        JOIN left_queue l ON l.seq = o.seq ORDER BY o.seq, o.place
    ), kept AS (
        INSERT INTO attempts AS t (seq, handler, state, attempts, ran_at, error, due_at, holds_until, lane, forced)
        SELECT DISTINCT ON (a.seq, a.handler) a.seq, a.handler, a.state, a.attempts, a.ran_at, a.error, a.due_at,
               a.holds_until, CASE WHEN a.state = 0 THEN o.lane END, o.forced
        FROM unnest(_a_seq, _handler, _state, _attempts, _ran_at, _error, _due_at, _holds_until) WITH ORDINALITY
            AS a (seq, handler, state, attempts, ran_at, error, due_at, holds_until, place)
        JOIN outcome o ON o.seq = a.seq ORDER BY a.seq, a.handler, a.place
        ON CONFLICT (seq, handler) DO UPDATE SET state = excluded.state, attempts = excluded.attempts,
            ran_at = excluded.ran_at, error = excluded.error, due_at = excluded.due_at,
            holds_until = excluded.holds_until, lane = excluded.lane, worker = NULL, claim = NULL
    ), finished AS (
        INSERT INTO settled AS s (seq, status) SELECT seq, status FROM outcome WHERE NOT is_open
        ON CONFLICT (seq) DO UPDATE SET status = excluded.status
    ), known AS (
        INSERT INTO things AS t (lane, thing, seqs)
        SELECT lane, coalesce((array_agg(thing ORDER BY place DESC) FILTER (WHERE thing IS NOT NULL))[1], '{}'),
               latest(array_agg(seq ORDER BY place))
        FROM outcome GROUP BY lane
        ON CONFLICT (lane) DO UPDATE SET seqs = latest(t.seqs || excluded.seqs),
            thing = CASE WHEN excluded.thing = '{}' THEN t.thing ELSE excluded.thing END
    ), gone AS (
        INSERT INTO deleted (lane, at) SELECT DISTINCT lane, _now FROM outcome WHERE is_deleted ON CONFLICT DO NOTHING
    )
    SELECT array_agg(seq), array_agg(lane) INTO first_runs, lanes FROM outcome;
    IF cardinality(_t_seq) > 0 THEN
        UPDATE events e SET event_type = t.type, event = t.event FROM unnest(_t_seq, _t_type, _t_event) AS t (seq, type, event)
        WHERE e.seq = ANY (_t_seq) AND e.seq = ANY (first_runs) AND e.seq = t.seq;
    END IF;
    -- What is not in the queue may be handlers that ran again; an event's status is asked of all its attempts then.
    IF coalesce(cardinality(first_runs), 0) < cardinality(_seq) THEN
        WITH again AS MATERIALIZED (
            SELECT DISTINCT ON (a.seq, a.handler) a.*
            FROM unnest(_a_seq, _handler, _state, _attempts, _ran_at, _error, _due_at, _holds_until) WITH ORDINALITY
                AS a (seq, handler, state, attempts, ran_at, error, due_at, holds_until, place)
            WHERE a.seq <> ALL (coalesce(first_runs, '{}')) ORDER BY a.seq, a.handler, a.place
        ), before AS MATERIALIZED (
            SELECT t.seq, t.handler, t.lane FROM attempts t JOIN again a ON a.seq = t.seq AND a.handler = t.handler
            WHERE t.seq = ANY (_seq) AND t.state = 0 AND (_name IS NULL OR t.worker = me)
        ), kept AS (
            UPDATE attempts t SET state = a.state, attempts = a.attempts, ran_at = a.ran_at, error = a.error,
                due_at = a.due_at, holds_until = a.holds_until, lane = CASE WHEN a.state = 0 THEN b.lane END,
                worker = NULL, claim = NULL
            FROM again a JOIN before b ON a.seq = b.seq AND a.handler = b.handler
            WHERE t.seq = ANY (_seq) AND t.seq = a.seq AND t.handler = a.handler
        ) SELECT array_agg(DISTINCT seq), array_agg(DISTINCT lane) INTO retried, more FROM before;
        PERFORM save_status(retried);
    END IF;
    PERFORM let_go(lanes || more);
END $$;
