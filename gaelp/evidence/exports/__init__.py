"""What an account's export supports, with intervals: how late conversions come, and what a budget could detect.

Touch this to measure one more thing of an export.
"""
