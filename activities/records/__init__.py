"""RECORDS: activities on the ledger, the warehouse, the content store and the events; they call no ad platform.

Touch this folder when a phase plans, judges or writes down one more thing.
"""
