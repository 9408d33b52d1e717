"""MONEY: reservations, claims, approvals, violations and the journal. Touch this when a rule about money changes."""
