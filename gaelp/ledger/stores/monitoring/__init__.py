"""What the ledger keeps of monitoring; violations are in violation_store.py, one folder above.

Touch this when it keeps another thing.
"""
