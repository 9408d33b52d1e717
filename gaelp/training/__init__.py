"""DECIDE: the rules of a run. Touch this when a rule, a name or a message changes.

Pure: standard library and pydantic only.
"""
