"""What real logs say: off-policy estimates, bid replay, panels of policies. Touch this to measure a log otherwise."""
