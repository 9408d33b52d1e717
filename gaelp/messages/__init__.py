"""MESSAGES: what crosses a Temporal boundary, one module per workflow. Touch this when a workflow or an activity says
something new.

Records that the ledger, a platform or the market owns are in gaelp/domain.
"""
