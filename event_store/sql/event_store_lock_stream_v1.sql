-- Keep everybody from writing to a stream until the transaction ends, also when the stream does not exist yet.
CREATE OR REPLACE FUNCTION event_store_lock_stream_v1(
    p_name text, p_now timestamptz, OUT stream_id bigint, OUT last_version bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT s.id, s.version INTO stream_id, last_version FROM event_store_stream AS s WHERE s.name = p_name FOR UPDATE;
    IF stream_id IS NULL THEN
        INSERT INTO event_store_stream AS s (name, category, version, created_at)
        VALUES (p_name, split_part(p_name, '$', 1), -1, p_now)
        ON CONFLICT (name) DO UPDATE SET version = s.version
        RETURNING s.id, s.version INTO stream_id, last_version;
    END IF;
END $$;
