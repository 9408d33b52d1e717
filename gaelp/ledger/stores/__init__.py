"""The ledger's tables and the SQL that reads and writes them.

Every function works within a transaction of the façade, gaelp/ledger/ledger.py. What is allowed is decided in
gaelp/ledger/rules. Touch this folder to keep another fact about money.
"""
