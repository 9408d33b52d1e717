"""Activities: one class per outside system or kind of work; each method is one idempotent effect.

The word in capitals at the head of a module (RECORDS, COMPUTE, LIVE, STOP) is the task queue that its activities are
served on. Touch this package to reach another outside system.
"""
