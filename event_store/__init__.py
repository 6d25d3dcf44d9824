"""An event store for Django: published once, linked into as many streams as readers need, never changed."""
