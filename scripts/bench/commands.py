"""Milliseconds of processor time of a verb of the command line, beside those of an interpreter that does nothing.

No service is there, so what is measured of `status` and `list` is how they begin. Touch this to measure another verb.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.timing import Sizes

_STARTER = str(Path(__file__).parents[2] / "starter.py")
_NOTHING = "python -c pass"
# What is wanted of each is of a whole command, in milliseconds.
WANTED = {
    "--help": 50, "validate --syntax-only": 200, "validate": 700, "status nobody": 300, "list": 300,
    "report nobody": 1000,
}  # fmt: skip


@dataclass(frozen=True)
class CommandCost:
    """The processor time of the process and its children, in milliseconds: the least of all rounds."""

    command: str
    milliseconds: float
    wanted: float | None


def measured(sizes: Sizes) -> list[CommandCost]:
    """Every verb, and before them an interpreter that does nothing."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "GAELP_HOME": home, "GAELP_TEMPORAL_ADDRESS": "127.0.0.1:1"}
        commands = {_NOTHING: ["-c", "pass"], **{words: [_STARTER, *words.split()] for words in WANTED}}
        return [
            CommandCost(name, min(_processor(command, environment) for _ in range(sizes.rounds)), WANTED.get(name))
            for name, command in commands.items()
        ]


def _processor(command: list[str], environment: dict[str, str]) -> float:
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, *command], env=environment, **quiet)  # type: ignore[call-overload]
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0  # it has been waited for
    return float(round(1000 * (used.ru_utime + used.ru_stime), 1))
