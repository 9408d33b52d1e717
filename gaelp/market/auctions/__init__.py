"""How impressions are sold: prices, auctions in aggregate, and every auction resolved. Touch this to change a sale."""
