"""Verbs of people who answer for money: accounts, keys, approve and reject. Touch this to change what they see."""
