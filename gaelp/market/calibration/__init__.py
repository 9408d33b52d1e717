"""The market's parameters, from logs or assumed. Touch this when logs can say more."""
