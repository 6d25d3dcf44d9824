-- Raise ES002 when a locked stream has got events behind the version that was read (p_types: only those count).
CREATE OR REPLACE FUNCTION event_store_check_unchanged_v1(
    p_name text, p_stream_id bigint, p_actual bigint, p_read bigint, p_types jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_actual = p_read THEN
        RETURN;
    END IF;
    -- A stream that is shorter than what was read has been deleted meanwhile.
    IF p_actual < p_read OR p_types IS NULL OR EXISTS (
        SELECT FROM event_store_streamlink AS l
          JOIN event_store_storedevent AS e ON e.global_position = l.global_position
         WHERE l.stream_id = p_stream_id AND l.position > p_read AND p_types ? e.type)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'ES002', MESSAGE = p_name;
    END IF;
END $$;
