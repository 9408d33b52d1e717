"""Who sees the ads: segments, people who tire of a creative, frequency caps. Touch this to change an audience."""
