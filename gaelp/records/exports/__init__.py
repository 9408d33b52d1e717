"""Files that were downloaded from an ad account, read for one question. Nothing is stored.

Touch this to read another file of an account.
"""
