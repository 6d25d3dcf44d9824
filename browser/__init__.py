"""Pages over the event store: streams, events, links and processes, inside the admin or on their own."""
