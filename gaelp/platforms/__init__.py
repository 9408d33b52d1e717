"""Ad platforms behind one protocol: what may be asked of one, which adapter serves an account, and the tests that every
adapter must pass.

What a platform may bill is a rule, in gaelp/domain/billing/billing_rules.py. Touch this folder to add a platform.
"""
