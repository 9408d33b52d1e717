"""The ledger's tables and the SQL that reads and writes them. Touch this to keep another fact about money.

Every function works within a transaction of the façade, gaelp/ledger/ledger.py. Rules are in gaelp/ledger/rules.
"""
