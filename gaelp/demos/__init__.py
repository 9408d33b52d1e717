"""The demos that `make` runs. Touch this to change what a newcomer sees first."""
