"""The market as Gymnasium environments, and environments of other packages. Touch this to offer another world."""
