"""Pages on which a person decides in a browser, and registers the passkey for it; what decides is in gaelp/ledger.

No other verb imports this room, because FastAPI and webauthn cost half a second. Touch this to add another page.
"""
