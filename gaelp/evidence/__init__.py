"""MEASURE: sequential tests and off-policy estimators. Touch this to change how a number is estimated or bounded."""
