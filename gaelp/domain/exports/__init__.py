"""What a file that somebody downloaded from an ad account says, and what follows from it without the account.

Touch this when a verb that is given a file needs another rule.
"""
