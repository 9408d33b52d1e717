"""The training configuration: its sections, its older flat form, and which settings contradict each other.

Reading it from files and the environment is in gaelp/configuration.

Touch this to add a setting.
"""
