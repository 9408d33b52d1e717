"""DOMAIN: the rules of a run and the records that they speak of.

Pure: standard library and pydantic only. What crosses a Temporal boundary is in gaelp/messages.

Touch this when a rule changes.
"""
