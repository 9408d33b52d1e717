"""REMEMBER: content store, warehouse, ingestion, events, live metrics. Touch this when what we keep changes."""
