-- Functions of the inbox are planned once for all sizes, and often while their tables are small: settings on them and
-- lists of keys (= ANY) see to it that they find rows by index and join lists by hash, whatever the planner knows.

-- Adding. Several gateways add at a time, each in a transaction of its own, so that a smaller seq may be committed after
-- a larger one. Whoever adds shows by a shared lock from where on its seqs may be; the watermark is the last seq before
-- which nothing can appear any more. The lock's number: 19777 in the upper 16 bits, a seq in the lower 48.

CREATE FUNCTION last_given_seq() RETURNS bigint LANGUAGE sql VOLATILE SET search_path = moderation_ai, pg_temp AS $$
    SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM events_seq
$$;

CREATE FUNCTION watermark() RETURNS bigint LANGUAGE plpgsql VOLATILE SET search_path = moderation_ai, pg_temp AS $$
DECLARE
    given bigint := last_given_seq();   -- before the locks are looked at: who takes one after this gets later seqs
    adding bigint;
BEGIN
    SELECT min((classid::bigint & 65535) << 32 | objid::bigint) INTO adding FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND classid::bigint >> 16 = 19777
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
    RETURN least(given, adding);
END $$;

-- Keep events, each once, in the order of the arrays. They are written in the order of their keys: two transactions that
-- bring the same events then wait for one another, and not each for the other. Of the bodies of deliveries with several
-- events, body_of says which one an event's is. Returns all events, with their places and whether they are new.
CREATE FUNCTION add_events(
    _key bytea[], _platform text[], _event_type text[], _account text[], _lane text[], _received_at timestamptz[],
    _event bytea[], _raw bytea[], _headers text[], _forced smallint[], _body_of integer[],
    _body_received_at timestamptz[], _body_raw bytea[], _body_headers text[]
) RETURNS TABLE (key bytea, seq bigint, is_new boolean) LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp SET enable_seqscan = off SET enable_nestloop = off AS $$
#variable_conflict use_column
DECLARE
    body_ids bigint[];
    found bigint;
BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN   -- whatever the server is set to: this is acknowledged next
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    IF cardinality(_body_raw) > 0 THEN
        body_ids := ARRAY(SELECT nextval('deliveries_id_seq') FROM generate_series(1, cardinality(_body_raw)));
    END IF;
    PERFORM pg_advisory_xact_lock_shared(19777::bigint << 48 | last_given_seq());
    RETURN QUERY
    WITH given AS MATERIALIZED (
        SELECT d.*, (SELECT e.seq FROM events e WHERE e.key = d.key) AS known
        FROM unnest(_key, _platform, _event_type, _account, _lane, _received_at, _event, _raw, _headers, _forced, _body_of)
            WITH ORDINALITY AS d (key, platform, event_type, account, lane, received_at, event, raw, headers, forced,
                                  body_of, place)
    ), fresh AS MATERIALIZED (
        SELECT g.*, nextval('events_seq') AS seq FROM (SELECT * FROM given WHERE known IS NULL ORDER BY place) g
    ), added AS (
        INSERT INTO events (seq, key, platform, event_type, account, lane, received_at, event, raw, headers, delivery)
        SELECT seq, key, platform, event_type, account, lane, received_at, event, raw, headers, body_ids[body_of]
        FROM fresh ORDER BY key
        ON CONFLICT DO NOTHING RETURNING seq, key, delivery
    ), queued AS (
        INSERT INTO queue (seq, state, lane, forced)
        SELECT f.seq, 0, f.lane, f.forced FROM fresh f JOIN added a ON a.seq = f.seq ORDER BY f.seq
    ), kept AS (
        INSERT INTO deliveries (id, received_at, raw, headers) OVERRIDING SYSTEM VALUE
        SELECT b.* FROM unnest(body_ids, _body_received_at, _body_raw, _body_headers) AS b (id, received_at, raw, headers)
        WHERE b.id IN (SELECT delivery FROM added)
    )
    SELECT a.key, a.seq, true FROM added a UNION ALL SELECT g.key, g.known, false FROM given g WHERE known IS NOT NULL;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found < cardinality(_key) THEN   -- Another transaction brought some at the same time; it has committed by now.
        RETURN QUERY SELECT e.key, e.seq, false FROM events e WHERE e.key = ANY (_key);
    END IF;
END $$;

-- Count kinds that are not stored.
CREATE FUNCTION count_ignored(_platform text[], _kind text[], _count bigint[]) RETURNS void LANGUAGE plpgsql
    SET search_path = moderation_ai, pg_temp AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    INSERT INTO ignored AS i (platform, kind, count)
    SELECT * FROM unnest(_platform, _kind, _count) AS d (platform, kind, count) ORDER BY platform, kind
    ON CONFLICT (platform, kind) DO UPDATE SET count = i.count + excluded.count;
END $$;
