"""One module per group of verbs of starter.py. Touch this to change what the command line says or does."""
