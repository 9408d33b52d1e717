"""The guard against tests that leave this machine works. Touch this together with tests/conftest.py."""

from __future__ import annotations

import socket

import pytest


def test_a_test_that_leaves_loopback_is_caught(escapes: list[str], left_loopback: type[BaseException]) -> None:
    """Connecting to another machine or asking for its name raises, and is remembered even if swallowed."""
    with socket.socket() as outside, pytest.raises(left_loopback):
        outside.connect(("192.0.2.1", 80))
    with pytest.raises(left_loopback):
        socket.getaddrinfo("ads.example.com", 443)
    assert len(escapes) == 2
    escapes.clear()
