-- Refuse changes of events and links. DELETE stays possible: Django's flush works with it.
-- The way out: drop the triggers and create them again in one transaction, which changes_allowed() of
-- event_store.immutability does.
CREATE TRIGGER IF NOT EXISTS event_store_event_refuse_update BEFORE UPDATE ON event_store_storedevent
BEGIN
    SELECT RAISE(ABORT, 'UPDATE of event_store_storedevent is refused: events are never changed. The way out for operators is event_store.immutability.changes_allowed().');
END;

CREATE TRIGGER IF NOT EXISTS event_store_link_refuse_update BEFORE UPDATE ON event_store_streamlink
BEGIN
    SELECT RAISE(ABORT, 'UPDATE of event_store_streamlink is refused: events are never changed. The way out for operators is event_store.immutability.changes_allowed().');
END;
