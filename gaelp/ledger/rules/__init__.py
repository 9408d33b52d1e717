"""RULES: what may be spent, claimed and approved, as functions from records to rulings. No SQL and no clock live here.

A module of gaelp/ledger/stores fetches the records, asks the rule, and writes what the rule allows. Touch this to
change a rule about money, together with its test in tests/unit/ledger/rules and with docs/money.md.
"""
