"""Pages and plots that people look at. Touch this to change what a report shows."""
