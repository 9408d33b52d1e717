"""The simulated world: auctions, audiences, lags, calibration. Touch this to change what a simulated day is like."""
