-- The site and its workers: publish, link, read, run subscriptions and process managers. Identity columns need no
-- right on their sequences; SELECT on this one is for the horizon. Of a stream only the version ever changes.
GRANT SELECT, INSERT ON :tables TO :"role";
GRANT UPDATE (version) ON event_store_stream TO :"role";
GRANT UPDATE ON event_store_subscription, event_store_failedevent, event_store_process, event_store_processdeadline TO :"role";
GRANT UPDATE ON event_store_commanddelivery, event_store_aggregatesnapshot TO :"role";
GRANT UPDATE (outcome, rejection, attempts, answered_at, skipped_by, skip_reason) ON event_store_issuedcommand TO :"role";
GRANT UPDATE, DELETE ON event_store_worker TO :"role";
GRANT DELETE ON event_store_commanddelivery TO :"role";
GRANT DELETE ON event_store_failedevent TO :"role";
GRANT SELECT ON SEQUENCE event_store_storedevent_global_position_seq TO :"role";
GRANT EXECUTE ON FUNCTION :functions TO :"role";
