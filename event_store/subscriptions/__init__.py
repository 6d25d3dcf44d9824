"""Running durable subscribers: in order, up to the horizon, with their checkpoint."""
