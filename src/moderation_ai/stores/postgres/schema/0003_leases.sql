-- Leases and claims. Whoever changes where events stand in the queue (all but adding, which only puts new ones behind)
-- does it under one lock, in one call: what the rules of lanes say is then as plain as for a single writer. The lock is
-- held for the call alone, never while a client or the disk is waited for.

CREATE FUNCTION one_at_a_time() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- Nobody else waits for the disk: whoever calls does so after the commit, when the lock is free again.
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock(19778::bigint << 48);
END $$;

-- Let a worker's lease last so much longer from now; return its number. Where the caller's clock counts, _now is given.
CREATE FUNCTION renew(_name text, _lease interval, _now timestamptz) RETURNS integer LANGUAGE sql
    SET search_path = moderation_ai, pg_temp AS $$
    INSERT INTO workers AS w (name, until) VALUES (_name, coalesce(_now, clock_timestamp()) + _lease)
    ON CONFLICT (name) DO UPDATE SET until = greatest(w.until, excluded.until) RETURNING id
$$;

-- Make ready what waits in lanes of which nothing is held any more: a lane with a long tail is not walked whole.
CREATE FUNCTION let_go(_lanes text[]) RETURNS void LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off AS $$
DECLARE
    waiting bigint[];
BEGIN
    IF EXISTS (SELECT FROM queue WHERE state = 2) THEN
        SELECT array_agg(w.seq) INTO waiting
        FROM (SELECT DISTINCT unnest(_lanes) AS lane) l,
            LATERAL (SELECT b.seq FROM queue b WHERE b.lane = l.lane AND b.state = 2 ORDER BY b.seq LIMIT 256) w
        WHERE NOT EXISTS (SELECT FROM queue h WHERE h.lane = l.lane AND h.state = 1)
          AND NOT EXISTS (SELECT FROM attempts a WHERE a.lane = l.lane AND a.state = 0 AND a.worker IS NOT NULL);
        UPDATE queue SET state = 0 WHERE seq = ANY (waiting);
    END IF;
END $$;

-- Give back what a worker holds: all of it (and forget the worker), or what one claim handed out.
CREATE FUNCTION give_back(_name text, _claim bigint) RETURNS void LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off AS $$
DECLARE
    me integer;
    first_runs text[];
    retries text[];
BEGIN
    PERFORM moderation_ai.one_at_a_time();
    SELECT id INTO me FROM workers WHERE name = _name;
    IF me IS NULL THEN
        RETURN;
    END IF;
    WITH back AS (
        UPDATE queue SET state = 0, worker = NULL, claim = NULL
        WHERE state = 1 AND worker = me AND (_claim IS NULL OR claim = _claim) RETURNING lane
    ) SELECT array_agg(lane) INTO first_runs FROM back;
    WITH back AS (
        UPDATE attempts SET worker = NULL, claim = NULL
        WHERE state = 0 AND worker = me AND (_claim IS NULL OR claim = _claim) RETURNING lane
    ) SELECT array_agg(lane) INTO retries FROM back;
    IF _claim IS NULL THEN
        DELETE FROM workers WHERE id = me;
    END IF;
    PERFORM let_go(first_runs || retries);
END $$;

CREATE FUNCTION free_the_expired(_but text, _now timestamptz) RETURNS void LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp AS $$
BEGIN
    PERFORM give_back(name, NULL) FROM workers WHERE until < coalesce(_now, clock_timestamp()) AND name <> _but;
END $$;

-- Lease new events up to _room; what stands behind another event of its lane is put aside until that one is settled.
CREATE FUNCTION claim_new(_me integer, _claim bigint, _room integer) RETURNS bigint[] LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off AS $$
DECLARE
    last bigint := watermark();
    free bigint[];
    behind bigint[];
BEGIN
    WHILE _room > 0 LOOP
        SELECT array_agg(seq ORDER BY seq) FILTER (WHERE NOT is_behind), array_agg(seq) FILTER (WHERE is_behind)
        INTO free, behind FROM (
            SELECT r.seq,
                   EXISTS (SELECT FROM queue h WHERE h.lane = r.lane AND h.state = 1)
                OR EXISTS (SELECT FROM queue h WHERE h.lane = r.lane AND h.state = 2 AND h.seq < r.seq)
                OR EXISTS (SELECT FROM attempts a WHERE a.lane = r.lane AND a.state = 0 AND a.worker IS NOT NULL)
                AS is_behind
            FROM (SELECT q.seq, q.lane FROM queue q WHERE q.state = 0 AND q.seq <= last ORDER BY q.seq LIMIT _room) r
        ) judged;
        UPDATE queue SET state = 2 WHERE seq = ANY (behind);
        UPDATE queue SET state = 1, worker = _me, claim = _claim WHERE seq = ANY (free);
        EXIT WHEN free IS NOT NULL OR behind IS NULL;
    END LOOP;
    RETURN free;
END $$;

-- Lease handlers' attempts that are due again. Of a lane and handler the earliest goes first, unless its hold is over: one
-- that was only put off has none to end.
CREATE FUNCTION claim_retries(_me integer, _claim bigint, _room integer, _now timestamptz)
    RETURNS TABLE (seq bigint, handler text, forced smallint) LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
    AS $$
#variable_conflict use_column
DECLARE
    seqs bigint[];
    handlers text[];
BEGIN
    SELECT array_agg(due.seq), array_agg(due.handler) INTO seqs, handlers FROM (
        SELECT a.seq, a.handler FROM attempts a
        WHERE a.state = 0 AND a.due_at <= _now AND a.worker IS NULL
          AND NOT EXISTS (SELECT FROM attempts b WHERE b.state = 0 AND b.lane = a.lane AND b.handler = a.handler
                          AND (b.worker IS NOT NULL
                               OR (b.seq < a.seq AND (b.holds_until IS NULL OR b.holds_until > _now))))
          AND NOT EXISTS (SELECT FROM queue q WHERE q.lane = a.lane AND q.state = 1)
        ORDER BY a.due_at, a.seq LIMIT _room
    ) due;
    IF seqs IS NOT NULL THEN
        RETURN QUERY
        UPDATE attempts a SET worker = _me, claim = _claim
        WHERE a.seq = ANY (seqs) AND a.state = 0
          AND (a.seq, a.handler) IN (SELECT * FROM unnest(seqs, handlers)) RETURNING a.seq, a.handler, a.forced;
    END IF;
END $$;

-- Lease up to _room events to a worker: retries that are due, then what is new; retries take half the room at most while
-- there is something new. Returns a row for each first run, without handler, and for each handler's retry. For a worker
-- that neither gets nor holds anything nothing is written, and nobody is kept waiting.
CREATE FUNCTION claim_events(
    _name text, _claim bigint, _room integer, _now timestamptz, _lease interval, _clock timestamptz
) RETURNS TABLE (seq bigint, handler text, forced smallint) LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    me integer;
    half integer := (_room + 1) / 2;
    taken integer := 0;
    found integer;
    fresh bigint[];
BEGIN
    IF _room > 0
        AND NOT EXISTS (SELECT FROM queue WHERE state = 0)
        AND NOT EXISTS (SELECT FROM attempts WHERE state = 0 AND due_at <= _now)
        AND NOT EXISTS (SELECT FROM workers WHERE name = _name OR until < coalesce(_clock, clock_timestamp()))
    THEN
        RETURN;
    END IF;
    PERFORM one_at_a_time();
    PERFORM free_the_expired(_name, _clock);
    SELECT id INTO me FROM workers WHERE name = _name;
    IF _room > 0
        AND NOT EXISTS (SELECT FROM queue WHERE state = 0)
        AND NOT EXISTS (SELECT FROM attempts WHERE state = 0 AND due_at <= _now)
        AND NOT EXISTS (SELECT FROM queue WHERE state = 1 AND worker = me)
        AND NOT EXISTS (SELECT FROM attempts WHERE state = 0 AND worker = me)
    THEN
        RETURN;
    END IF;
    me := renew(_name, _lease, _clock);
    IF _room <= 0 THEN
        RETURN;
    END IF;
    RETURN QUERY SELECT * FROM claim_retries(me, _claim, half, _now);
    GET DIAGNOSTICS taken = ROW_COUNT;
    fresh := claim_new(me, _claim, _room - taken);
    RETURN QUERY SELECT q.seq, NULL::text, q.forced FROM queue q WHERE q.seq = ANY (fresh);
    IF taken = half THEN
        RETURN QUERY SELECT * FROM claim_retries(me, _claim, _room - half - coalesce(cardinality(fresh), 0), _now);
    END IF;
END $$;

-- Lease events that were just added to the worker that asked for them, one of each lane, where nothing stands before
-- them; _first is the smallest seq that came with them. Returns those that it got.
CREATE FUNCTION claim_added(
    _name text, _claim bigint, _seqs bigint[], _first bigint, _lease interval, _clock timestamptz
) RETURNS TABLE (seq bigint, forced smallint) LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    me integer;
BEGIN
    PERFORM one_at_a_time();
    IF watermark() < _first OR EXISTS (SELECT FROM queue WHERE state = 0 AND seq < _first) THEN
        RETURN;     -- Where others wait already, the worker claims them all in their order.
    END IF;
    me := renew(_name, _lease, _clock);
    RETURN QUERY
    UPDATE queue q SET state = 1, worker = me, claim = _claim
    FROM (SELECT DISTINCT ON (n.lane) n.seq, n.lane FROM queue n WHERE n.seq = ANY (_seqs) AND n.state = 0
          ORDER BY n.lane, n.seq) one
    WHERE q.seq = one.seq
      AND NOT EXISTS (SELECT FROM queue h WHERE h.lane = one.lane AND h.state IN (1, 2))
      AND NOT EXISTS (SELECT FROM queue h WHERE h.state = 0 AND h.seq >= _first AND h.seq < one.seq AND h.lane = one.lane)
      AND NOT EXISTS (SELECT FROM attempts a WHERE a.lane = one.lane AND a.state = 0)
    RETURNING q.seq, q.forced;
END $$;
