"""What a campaign meets: traffic, drift, orders, late reports, the platform's own bidder.

Touch this to add a way in which the world changes. How an ad is sold is in gaelp/market/auctions.
"""
