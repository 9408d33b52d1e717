"""LIVE and STOP: activities that speak to an ad platform, in the one process with ad credentials.

Touch this folder with docs/money.md in hand.
"""
