"""Money rules: exposure, plans, budget scaling, approval requests, the creative policy and a campaign's clock.

Touch this with docs/money.md in hand. What is booked is in gaelp/ledger.
"""
