"""Real logs: their kinds, how a file is judged row by row, and what is stored. Touch this to add a kind of log."""
