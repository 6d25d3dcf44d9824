-- Repairs by hand: every row of the store, events after SET LOCAL event_store.allow_changes = 'on'.
GRANT SELECT, INSERT, UPDATE, DELETE ON :tables TO :"role";
GRANT SELECT ON SEQUENCE event_store_storedevent_global_position_seq TO :"role";
GRANT EXECUTE ON FUNCTION :functions TO :"role";
