"""Projections: events folded into rows to show, and rebuilding them beside the live ones."""
