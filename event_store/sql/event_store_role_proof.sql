-- What is revoked from a role helps nothing when it has the right all the same.
DO $$
DECLARE
    v_role text := current_setting('event_store.role');
BEGIN
    IF has_any_column_privilege(v_role, 'event_store_storedevent', 'UPDATE')
       OR has_any_column_privilege(v_role, 'event_store_streamlink', 'UPDATE')
       OR has_table_privilege(v_role, 'event_store_storedevent', 'DELETE, TRUNCATE')
       OR pg_has_role(v_role, (SELECT relowner FROM pg_class WHERE oid = 'event_store_storedevent'::regclass), 'MEMBER')
    THEN
        RAISE EXCEPTION 'Role % can still change events: nothing was granted or revoked.', v_role
            USING HINT = 'It is a superuser, or the owner of the tables, or has a right from another role or from PUBLIC.';
    END IF;
END $$;
