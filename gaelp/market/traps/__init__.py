"""Trap exams: small worlds in which numbers mislead, and the same without that. Touch this to add a trap."""
