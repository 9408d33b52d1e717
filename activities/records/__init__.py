"""RECORDS: activities that plan, assess, ask and remember; ledger, warehouse, store and events.

Touch this to record one more thing.
"""
