"""Tests of `certify` and `plan`."""
