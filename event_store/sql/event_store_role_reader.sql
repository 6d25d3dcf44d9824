-- Whoever only looks: everything can be read, up to the horizon.
GRANT SELECT ON :tables TO :"role";
GRANT SELECT ON SEQUENCE event_store_storedevent_global_position_seq TO :"role";
