"""TOUCH THE WORLD: one class per outside system or kind of work; each method is one idempotent effect.

Touch this package to reach another outside system.
"""
