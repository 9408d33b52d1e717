"""What an account's export supports, with intervals: how late conversions come, what a budget could
detect, and what stands out.

Touch this to measure one more thing of an export.
"""
