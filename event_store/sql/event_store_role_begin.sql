-- Create the role where it is missing, and take back every right on the store that it may have been given.
SET LOCAL event_store.role = :'role';
DO $$
DECLARE
    v_role text := current_setting('event_store.role');
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
        EXECUTE format('CREATE ROLE %I LOGIN', v_role);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), v_role);
    EXECUTE format('GRANT USAGE ON SCHEMA %s TO %I', (
        SELECT relnamespace::regnamespace FROM pg_class WHERE oid = 'event_store_storedevent'::regclass), v_role);
END $$;
REVOKE ALL ON :tables FROM :"role";
REVOKE ALL ON SEQUENCE event_store_storedevent_global_position_seq FROM :"role";
