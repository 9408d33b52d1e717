"""What agents learn of a market and share: counts, values of creatives, the bid landscape, pacing.

Touch this to learn a quantity in another way. An agent itself is in gaelp/agents/policies.
"""
