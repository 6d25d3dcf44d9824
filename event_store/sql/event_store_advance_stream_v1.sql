-- Move a stream on by p_count events: lock its row, check its version, give out the positions.
-- p_expected: NULL any, -1 no stream, -2 the stream exists, otherwise its exact version.
CREATE OR REPLACE FUNCTION event_store_advance_stream_v1(
    p_name text, p_expected bigint, p_count bigint, p_now timestamptz, OUT stream_id bigint, OUT last_version bigint)
LANGUAGE plpgsql AS $$
BEGIN
    IF p_expected IS DISTINCT FROM -1 THEN
        UPDATE event_store_stream AS s SET version = s.version + p_count
         WHERE s.name = p_name
           AND CASE WHEN p_expected IS NULL THEN true WHEN p_expected = -2 THEN s.version >= 0 ELSE s.version = p_expected END
        RETURNING s.id, s.version INTO stream_id, last_version;
    END IF;
    IF stream_id IS NULL AND (p_expected IS NULL OR p_expected = -1) THEN
        INSERT INTO event_store_stream AS s (name, category, version, created_at)
        VALUES (p_name, split_part(p_name, '$', 1), p_count - 1, p_now)
        ON CONFLICT (name) DO UPDATE SET version = s.version + p_count WHERE p_expected IS NULL OR s.version = -1
        RETURNING s.id, s.version INTO stream_id, last_version;
    END IF;
    IF stream_id IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'ES001', MESSAGE = p_name;
    END IF;
END $$;
