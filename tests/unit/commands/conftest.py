"""starter.py as a process or in this one, where no service can be reached. Touch this to run it otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gaelp.commands.dispatch import main
from tests.support.command_line import ROOT, Finished


@pytest.fixture
def no_services(tmp_path: Path) -> dict[str, str]:
    """An environment in which no service can be reached: port 1 is closed."""
    return {
        "GAELP_HOME": str(tmp_path / "home"),
        "GAELP_TEMPORAL_ADDRESS": "127.0.0.1:1",
        "GAELP_REDIS_URL": "redis://:hush@127.0.0.1:1/0",
        "GAELP_EMULATOR_URL": "http://127.0.0.1:1",
    }


@pytest.fixture
def starter(no_services: Mapping[str, str], tmp_path: Path) -> Callable[..., Finished]:
    """Run starter.py as a process of its own, somewhere else than in the repository."""

    def run(*words: str, **more: str) -> Finished:
        return subprocess.run(
            [sys.executable, str(ROOT / "starter.py"), *words],
            capture_output=True, text=True, timeout=60, cwd=tmp_path, stdin=subprocess.DEVNULL,
            env={**os.environ, **no_services, **more},
        )  # fmt: skip

    return run


@pytest.fixture
def in_process(no_services: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Callable[..., Finished]:
    """Run starter.py's verbs in this process, where a claim is not about the process."""
    for name, value in no_services.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> Finished:
        code = main(list(words))
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(words, code, out, err)

    return run
