-- Putting events back to be handled, taking dead letters away, and what erasure and retention do to the queue.

-- Make events run again whatever came of them before, by _handlers alone where given; return how many they are. What is
-- just being handled, or waits for it, is left alone.
CREATE FUNCTION replay_events(_seqs bigint[], _now timestamptz, _handlers text[]) RETURNS bigint LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off AS $$
DECLARE
    whole bigint[];
    idle bigint[];
BEGIN
    PERFORM one_at_a_time();
    PERFORM set_config('synchronous_commit', 'on', true);
    IF cardinality(_handlers) = 0 THEN
        whole := ARRAY(
            SELECT e.seq FROM events e WHERE e.seq = ANY (_seqs) AND NOT EXISTS (SELECT FROM queue q WHERE q.seq = e.seq)
              AND NOT EXISTS (SELECT FROM attempts a WHERE a.seq = e.seq AND a.state = 0 AND a.worker IS NOT NULL));
        DELETE FROM settled WHERE seq = ANY (whole);
        DELETE FROM attempts WHERE seq = ANY (whole);
        INSERT INTO queue (seq, state, lane, forced) SELECT seq, 0, lane, 2 FROM events WHERE seq = ANY (whole);
        RETURN cardinality(whole);
    END IF;
    WITH again AS (
        INSERT INTO attempts AS t (seq, handler, state, attempts, due_at, lane, forced)
        SELECT e.seq, h.handler, 0, 0, _now, e.lane, 2
        FROM events e, (SELECT DISTINCT unnest(_handlers) AS handler) h
        WHERE e.seq = ANY (_seqs) AND NOT EXISTS (SELECT FROM queue q WHERE q.seq = e.seq)
          AND NOT EXISTS (SELECT FROM attempts a WHERE a.seq = e.seq AND a.handler = h.handler AND a.state = 0
                          AND a.worker IS NOT NULL)
        ON CONFLICT (seq, handler) DO UPDATE SET state = 0, attempts = 0, error = NULL, ran_at = NULL,
            due_at = excluded.due_at, holds_until = NULL, lane = excluded.lane, worker = NULL, claim = NULL,
            forced = excluded.forced
        RETURNING seq
    ) SELECT array_agg(DISTINCT seq) INTO idle FROM again;
    DELETE FROM settled WHERE seq = ANY (idle);
    RETURN coalesce(cardinality(idle), 0);
END $$;

-- Take events out of dead letters; return how many handlers' attempts that were. An event without dead letters left is
-- done.
CREATE FUNCTION drop_dead_letters(_seqs bigint[], _handlers text[]) RETURNS bigint LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off AS $$
DECLARE
    dropped bigint[];
BEGIN
    PERFORM one_at_a_time();
    PERFORM set_config('synchronous_commit', 'on', true);
    WITH gone AS (
        UPDATE attempts SET state = 4 WHERE seq = ANY (_seqs) AND state = 2
          AND (cardinality(_handlers) = 0 OR handler = ANY (_handlers)) RETURNING seq
    ) SELECT array_agg(seq) INTO dropped FROM gone;
    UPDATE settled SET status = 1 WHERE seq = ANY (dropped) AND status = 2
      AND NOT EXISTS (SELECT FROM attempts a WHERE a.seq = settled.seq AND a.state = 2);
    RETURN coalesce(cardinality(dropped), 0);
END $$;

-- Let events run no more, and their lanes go on; what a worker makes of them just now counts for nothing. They are no
-- dead letters any more either. What was done keeps its status unless _finished_too.
CREATE FUNCTION supersede(_seqs bigint[], _finished_too boolean) RETURNS void LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off AS $$
DECLARE
    lanes text[];
    more text[];
BEGIN
    PERFORM one_at_a_time();
    PERFORM set_config('synchronous_commit', 'on', true);
    WITH gone AS (DELETE FROM queue WHERE seq = ANY (_seqs) RETURNING lane) SELECT array_agg(lane) INTO lanes FROM gone;
    SELECT array_agg(lane) INTO more FROM attempts WHERE seq = ANY (_seqs) AND state = 0;
    UPDATE attempts SET state = 3, worker = NULL, claim = NULL, lane = NULL WHERE seq = ANY (_seqs) AND state IN (0, 2);
    INSERT INTO settled AS s (seq, status) SELECT seq, 3 FROM events WHERE seq = ANY (_seqs)
    ON CONFLICT (seq) DO UPDATE SET status = excluded.status WHERE _finished_too OR s.status = 2;
    PERFORM let_go(lanes || more);
END $$;

-- Drop what attempts say of their errors, which may quote a text; return how many that were.
CREATE FUNCTION drop_errors(_seqs bigint[]) RETURNS bigint LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off AS $$
DECLARE
    dropped bigint;
BEGIN
    PERFORM one_at_a_time();
    PERFORM set_config('synchronous_commit', 'on', true);
    UPDATE attempts SET error = NULL WHERE seq = ANY (_seqs) AND error IS NOT NULL;
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;
