"""Aggregates: decide from past events, record new ones."""
