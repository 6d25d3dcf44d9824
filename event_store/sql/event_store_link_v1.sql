-- Show stored events at the end of one more stream, all or none, in one round trip.
CREATE OR REPLACE FUNCTION event_store_link_v1(
    p_stream text, p_expected bigint, p_event_ids uuid[], p_linked_at timestamptz,
    OUT status text, OUT failed_stream text, OUT actual_version bigint, OUT failed_ids uuid[],
    OUT last_version bigint)
LANGUAGE plpgsql AS $$
DECLARE
    v_count bigint := cardinality(p_event_ids);
    v_found bigint[];
    v_stream_id bigint;
    v_now timestamptz := coalesce(p_linked_at, clock_timestamp());
    v_constraint text;
BEGIN
    SELECT array_agg(e.global_position ORDER BY wanted.number) INTO v_found
      FROM unnest(p_event_ids) WITH ORDINALITY AS wanted (event_id, number)
      JOIN event_store_storedevent AS e ON e.event_id = wanted.event_id;
    IF coalesce(cardinality(v_found), 0) < v_count THEN
        status := 'event_not_found';
        SELECT array_agg(wanted.event_id) INTO failed_ids FROM unnest(p_event_ids) AS wanted (event_id)
         WHERE NOT EXISTS (SELECT FROM event_store_storedevent AS e WHERE e.event_id = wanted.event_id);
        RETURN;
    END IF;
    SELECT a.stream_id, a.last_version INTO v_stream_id, last_version
      FROM event_store_advance_stream_v1(p_stream, p_expected, v_count, v_now) AS a;
    INSERT INTO event_store_streamlink (stream_id, position, global_position, written_here, linked_at)
    SELECT v_stream_id, last_version - v_count + found.number, found.global_position, false, v_now
      FROM unnest(v_found) WITH ORDINALITY AS found (global_position, number);
    status := 'stored';
EXCEPTION
    WHEN SQLSTATE 'ES001' THEN
        GET STACKED DIAGNOSTICS failed_stream = MESSAGE_TEXT;
        status := 'wrong_version';
        SELECT coalesce(max(s.version), -1) INTO actual_version FROM event_store_stream AS s WHERE s.name = failed_stream;
    WHEN serialization_failure THEN
        -- Under a stricter isolation level a lost race says no more than this.
        IF p_expected IS NULL OR p_expected = -2 THEN RAISE; END IF;
        status := 'wrong_version';
        failed_stream := p_stream;
    WHEN unique_violation THEN
        GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
        IF v_constraint <> 'event_store_link_unique_event' THEN RAISE; END IF;
        status := 'already_linked';
        failed_stream := p_stream;
        SELECT array_agg(e.event_id) INTO failed_ids
          FROM event_store_storedevent AS e
          JOIN event_store_streamlink AS l ON l.global_position = e.global_position
          JOIN event_store_stream AS s ON s.id = l.stream_id
         WHERE e.event_id = ANY (p_event_ids) AND s.name = p_stream;
END $$;
