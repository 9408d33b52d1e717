"""MONEY: the ledger, a database that holds accounts, approvals, reservations, claims, violations and their journal.

ledger.py is its façade, rules/ decides, stores/ reads and writes. What a platform may bill at the worst is in
gaelp/domain/spending, and calls of platforms are in gaelp/platforms. Touch this folder when a rule about money changes.
"""
