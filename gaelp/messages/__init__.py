"""MESSAGES: what workflows and activities are given and return, one module for each workflow.

Records that the ledger, a platform or the market owns are in gaelp/domain, also where they cross Temporal. Touch this
folder when a workflow or an activity is given or returns one more thing.
"""
