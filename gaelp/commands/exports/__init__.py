"""The verbs that are given a file from an ad account, and need no account, no server and no network.

Touch this to ask one more thing of an export.
"""
