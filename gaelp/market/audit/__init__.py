"""The exploit audit: markets in which one assumption is moved. Touch this to move another."""
