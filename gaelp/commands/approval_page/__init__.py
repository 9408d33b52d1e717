"""The pages on which a person decides in a browser, and registers the passkey for it. They decide nothing: the ledger
checks the signature. No other verb imports this room, because FastAPI and webauthn cost half a second."""
