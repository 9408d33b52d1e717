"""Settings -> clients -> activity objects, a module for each queue: a worker imports what it serves and no more.

Touch a queue's module when an activity is added: every one is listed there by hand.
"""
