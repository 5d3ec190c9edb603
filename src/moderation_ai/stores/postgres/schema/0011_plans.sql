-- Plans are made once for a connection, and by nobody's machine code: making one costs more than a call. Settings that the
-- functions had stay; a function that is replaced names its own again.

-- Lease new events up to _room; what stands behind another event of its lane is put aside until that one is settled.
CREATE OR REPLACE FUNCTION claim_new(_me integer, _claim bigint, _room integer) RETURNS bigint[] LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off
    SET plan_cache_mode = force_generic_plan SET jit = off AS $$
DECLARE
    last bigint := watermark();
    any_behind boolean := EXISTS (SELECT FROM queue WHERE state = 2);       -- mostly neither, and then no event's lane
    any_again boolean := EXISTS (SELECT FROM attempts WHERE state = 0);     -- has to be looked for among them
    free bigint[];
    behind bigint[];
BEGIN
    WHILE _room > 0 LOOP
        SELECT array_agg(seq ORDER BY seq) FILTER (WHERE NOT is_behind), array_agg(seq) FILTER (WHERE is_behind)
        INTO free, behind FROM (
            SELECT r.seq,
                   EXISTS (SELECT FROM queue h WHERE h.lane = r.lane AND h.state = 1)
                OR (any_behind AND EXISTS (SELECT FROM queue h WHERE h.lane = r.lane AND h.state = 2 AND h.seq < r.seq))
                OR (any_again
                    AND EXISTS (SELECT FROM attempts a WHERE a.lane = r.lane AND a.state = 0 AND a.worker IS NOT NULL))
                AS is_behind
            FROM (SELECT q.seq, q.lane FROM queue q WHERE q.state = 0 AND q.seq <= last ORDER BY q.seq LIMIT _room) r
        ) judged;
        IF behind IS NOT NULL THEN
            UPDATE queue SET state = 2 WHERE seq = ANY (behind);
            any_behind := true;
        END IF;
        UPDATE queue SET state = 1, worker = _me, claim = _claim WHERE seq = ANY (free);
        EXIT WHEN free IS NOT NULL OR behind IS NULL;
    END LOOP;
    RETURN free;
END $$;

ALTER FUNCTION add_events SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION add_events SET jit = off;
ALTER FUNCTION let_go SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION let_go SET jit = off;
ALTER FUNCTION give_back SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION give_back SET jit = off;
ALTER FUNCTION claim_retries SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION claim_retries SET jit = off;
ALTER FUNCTION claim_events SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION claim_events SET jit = off;
ALTER FUNCTION claim_added SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION claim_added SET jit = off;
ALTER FUNCTION save_status SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION save_status SET jit = off;
ALTER FUNCTION settle_events SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION settle_events SET jit = off;
ALTER FUNCTION replay_events SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION replay_events SET jit = off;
ALTER FUNCTION supersede SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION supersede SET jit = off;
