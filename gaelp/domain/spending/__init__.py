"""Money rules: plans, budget scaling, approval requests, the creative policy and a campaign's clock.

What is booked is in gaelp/ledger.

Touch this with docs/money.md in hand.
"""
