"""The permissions that open pages."""

VIEW_EVENTS = "event_store.view_storedevent"
VIEW_PAYLOAD = "event_store.view_payload"
VIEW_PROCESSES = "event_store.view_process"
