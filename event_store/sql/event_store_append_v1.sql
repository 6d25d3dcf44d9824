-- Store events at the end of one stream and show them in further streams, all or none, in one round trip.
-- p_links: {"name": expected version or null, ...} or null. A refusal is a status, so the caller's transaction goes on.
-- p_condition: {"name": {"v": version that was read, "t": [types that count] or absent}, ...} or null.
CREATE OR REPLACE FUNCTION event_store_append_v1(
    p_stream text, p_expected bigint, p_events jsonb, p_links jsonb, p_condition jsonb, p_recorded_at timestamptz,
    OUT status text, OUT failed_stream text, OUT actual_version bigint, OUT failed_ids uuid[],
    OUT last_version bigint, OUT global_positions bigint[], OUT recorded timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint := jsonb_array_length(p_events);
    v_stream_id bigint;
    v_global_position bigint;
    v_link_ids bigint[];
    v_link_versions bigint[];
    v_constraint text;
    v_each record;
    v_moved record;
BEGIN
    recorded := coalesce(p_recorded_at, clock_timestamp());
    IF p_links IS NULL AND p_condition IS NULL THEN
        -- What event_store_advance_stream_v1 does for an exact version, without the cost of calling it.
        UPDATE event_store_stream AS s SET version = s.version + v_count
         WHERE s.name = p_stream AND s.version = p_expected AND p_expected >= 0
        RETURNING s.id, s.version INTO v_stream_id, last_version;
        IF v_stream_id IS NULL THEN
            SELECT stream_id, a.last_version INTO v_stream_id, last_version
              FROM event_store_advance_stream_v1(p_stream, p_expected, v_count, recorded) AS a;
        END IF;
    ELSE
        -- Every caller locks in the order of the names, so two of them never wait for each other.
        FOR v_each IN
            SELECT n.name, n.name = p_stream OR coalesce(p_links ? n.name, false) AS is_written, p_condition -> n.name AS condition,
                   CASE WHEN n.name = p_stream THEN p_expected ELSE (p_links ->> n.name)::bigint END AS expected
              FROM (SELECT p_stream AS name UNION SELECT jsonb_object_keys(p_links)
                    UNION SELECT jsonb_object_keys(p_condition)) AS n
             ORDER BY n.name COLLATE "C"
        LOOP
            IF v_each.is_written THEN
                SELECT a.stream_id, a.last_version INTO v_moved
                  FROM event_store_advance_stream_v1(v_each.name, v_each.expected, v_count, recorded) AS a;
                IF v_each.name = p_stream THEN
                    v_stream_id := v_moved.stream_id;
                    last_version := v_moved.last_version;
                ELSE
                    v_link_ids := v_link_ids || v_moved.stream_id;
                    v_link_versions := v_link_versions || v_moved.last_version;
                END IF;
                v_moved.last_version := v_moved.last_version - v_count;
            ELSE
                SELECT a.stream_id, a.last_version INTO v_moved FROM event_store_lock_stream_v1(v_each.name, recorded) AS a;
            END IF;
            IF v_each.condition IS NOT NULL THEN
                PERFORM event_store_check_unchanged_v1(
                    v_each.name, v_moved.stream_id, v_moved.last_version, (v_each.condition ->> 'v')::bigint, v_each.condition -> 't');
            END IF;
        END LOOP;
    END IF;

    IF v_count = 1 THEN
        -- Most appends: without numbering and collecting rows they cost the database a fifth less.
        INSERT INTO event_store_storedevent
            (event_id, type, category, schema_version, data, metadata, correlation_id, causation_id, recorded_at, valid_at)
        SELECT r.i, r.t, split_part(p_stream, '$', 1), r.s, r.d, r.m, r.c, r.b, recorded, coalesce(r.v, recorded)
          FROM jsonb_to_record(p_events -> 0) AS r (i uuid, t text, s smallint, d jsonb, m jsonb, c uuid, b uuid, v timestamptz)
        RETURNING global_position INTO v_global_position;
        INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)
        VALUES (v_stream_id, last_version, v_global_position, true, recorded);
        global_positions := ARRAY[v_global_position];
    ELSE
        WITH stored AS (
            INSERT INTO event_store_storedevent
                (event_id, type, category, schema_version, data, metadata, correlation_id, causation_id, recorded_at, valid_at)
            SELECT r.i, r.t, split_part(p_stream, '$', 1), r.s, r.d, r.m, r.c, r.b, recorded, coalesce(r.v, recorded)
              FROM ROWS FROM (jsonb_to_recordset(p_events)
                              AS (i uuid, t text, s smallint, d jsonb, m jsonb, c uuid, b uuid, v timestamptz))
                   WITH ORDINALITY AS r (i, t, s, d, m, c, b, v, number)
             ORDER BY r.number
            RETURNING global_position
        ), written AS (
            INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)
            SELECT v_stream_id, last_version - v_count + row_number() OVER (ORDER BY s.global_position), s.global_position, true, recorded
              FROM stored AS s
        )
        SELECT array_agg(s.global_position ORDER BY s.global_position) INTO global_positions FROM stored AS s;
    END IF;

    IF v_link_ids IS NOT NULL THEN
        INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)
        SELECT l.stream_id, l.version - v_count + e.number, e.global_position, false, recorded
          FROM unnest(v_link_ids, v_link_versions) AS l (stream_id, version),
               unnest(global_positions) WITH ORDINALITY AS e (global_position, number);
    END IF;
    status := 'stored';
EXCEPTION
    WHEN SQLSTATE 'ES001' OR SQLSTATE 'ES002' THEN
        GET STACKED DIAGNOSTICS failed_stream = MESSAGE_TEXT;
        status := CASE SQLSTATE WHEN 'ES001' THEN 'wrong_version' ELSE 'condition_failed' END;
        SELECT coalesce(max(s.version), -1) INTO actual_version FROM event_store_stream AS s WHERE s.name = failed_stream;
    WHEN serialization_failure THEN
        -- Under a stricter isolation level a lost race says no more than this.
        IF p_condition IS NULL AND (p_expected IS NULL OR p_expected = -2) THEN RAISE; END IF;
        status := CASE WHEN p_condition IS NULL THEN 'wrong_version' ELSE 'condition_failed' END;
        failed_stream := CASE WHEN p_condition IS NULL AND p_links IS NULL THEN p_stream END;
    WHEN unique_violation THEN
        GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
        IF v_constraint <> 'event_store_event_unique_id' THEN RAISE; END IF;
        status := 'duplicate_event';
        SELECT array_agg(e.event_id) INTO failed_ids
          FROM event_store_storedevent AS e
         WHERE e.event_id IN (SELECT r.i FROM jsonb_to_recordset(p_events) AS r (i uuid));
END $$;
