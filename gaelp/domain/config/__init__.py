"""The training configuration: its sections, its older flat form, and which settings contradict each other.

Touch this to add a setting. Reading it from files and the environment is in gaelp/configuration.
"""
