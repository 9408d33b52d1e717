"""How often a gate is wrong, and what it can detect: `certify` and `plan`. Neither needs a service.

Touch this to add another verb about the gates themselves.
"""
