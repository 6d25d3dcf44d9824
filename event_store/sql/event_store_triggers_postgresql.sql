-- Refuse changes of events and links. TRUNCATE stays possible: Django's flush works with it.
-- The way out: SET LOCAL event_store.allow_changes = 'on', which changes_allowed() of event_store.immutability does.
CREATE OR REPLACE FUNCTION event_store_refuse_change_v1() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, MESSAGE = format(
        '%s of %s is refused: events are never changed. The way out for operators is '
        'event_store.immutability.changes_allowed().', TG_OP, TG_TABLE_NAME);
END $$;

CREATE OR REPLACE TRIGGER event_store_event_refuse_update BEFORE UPDATE ON event_store_storedevent
FOR EACH ROW WHEN (current_setting('event_store.allow_changes', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION event_store_refuse_change_v1();

CREATE OR REPLACE TRIGGER event_store_event_refuse_delete BEFORE DELETE ON event_store_storedevent
FOR EACH ROW WHEN (current_setting('event_store.allow_changes', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION event_store_refuse_change_v1();

CREATE OR REPLACE TRIGGER event_store_link_refuse_update BEFORE UPDATE ON event_store_streamlink
FOR EACH ROW WHEN (current_setting('event_store.allow_changes', true) IS DISTINCT FROM 'on')
EXECUTE FUNCTION event_store_refuse_change_v1();
