"""The rules that every agent keeps, as tests that an author inherits. Touch this when the contract changes."""
