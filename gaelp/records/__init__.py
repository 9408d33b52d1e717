"""What GAELP remembers: content by digest, facts in a warehouse, lifecycle events, live metrics, ingested logs.

Nothing here decides anything.

Touch this package when a fact is kept somewhere new or is asked for in a new way.
"""
