"""What ad platforms may lawfully bill: their rules, what a history of budgets allows, and what today's settings allow.

Touch this when a platform changes its rules.
"""
