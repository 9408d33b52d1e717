"""Seconds until a command gives up on a service that hangs or that is not there: ten are promised.

On a machine that is busy with other things, they say more about that machine. Touch this to measure another command.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROMISED_SECONDS = 10.0
_STARTER = Path(__file__).parents[2] / "starter.py"
# Verb, the variable of the service that it needs first, and the form of its address.
_COMMANDS = (
    (("status", "nobody"), "GAELP_TEMPORAL_ADDRESS", "{}"),
    (("watch", "nobody"), "GAELP_REDIS_URL", "redis://{}"),
)


@dataclass(frozen=True)
class GivingUp:
    """One command and one service."""

    command: str
    service: str  # not there, or hangs
    seconds: float
    kept: bool  # refused with exit code 1, within what is promised


def measured() -> list[GivingUp]:
    """Every command once without its service and once with one that takes connections and never answers."""
    with tempfile.TemporaryDirectory() as home, _port(listening=True) as deaf, _port(listening=False) as absent:
        return [
            _measure(words, variable, form.format(f"127.0.0.1:{port}"), service, home)
            for words, variable, form in _COMMANDS
            for service, port in (("not there", absent), ("hangs", deaf))
        ]


def _measure(words: tuple[str, ...], variable: str, address: str, service: str, home: str) -> GivingUp:
    environment = {**os.environ, "GAELP_HOME": home, variable: address}
    command = [sys.executable, str(_STARTER), *words]
    began = time.perf_counter()
    ended = subprocess.run(command, env=environment, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    kept = ended.returncode == 1 and seconds < PROMISED_SECONDS
    return GivingUp(f"starter.py {words[0]}", service, round(seconds, 2), kept)


@contextmanager
def _port(*, listening: bool) -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        if listening:
            held.listen()
        yield held.getsockname()[1]
