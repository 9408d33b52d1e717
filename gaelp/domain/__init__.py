"""DOMAIN: the rules of a run and the records that they speak of. Touch this when a rule changes.

Pure: standard library and pydantic only. What crosses a Temporal boundary is in gaelp/messages.
"""
