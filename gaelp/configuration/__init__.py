"""Reads and checks a configuration: profile < file < environment < --set. Touch this to read it from elsewhere."""
