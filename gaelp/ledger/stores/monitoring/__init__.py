"""What the ledger keeps of monitoring. Violations are in violation_store.py, one folder above."""
