"""Runs verbs of `starter.py` for `make dev` and `make demo`, each in a process of its own, as a user's shell would.

The processes are forked from one that has imported what most verbs need: the imports are most of what a verb costs, and
the demos run eight. Touch this when a verb that is run for a person must begin or end otherwise.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import runpy
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gaelp.local_stack.process import StackError
from gaelp.local_stack.services import ROOT

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_FORKS = multiprocessing.get_context("forkserver")


def import_once(modules: Sequence[str]) -> None:
    """What the process imports from which verbs are forked; to be said before the first of them begins."""
    for variable in _ONE_THREAD:  # a process with threads cannot be forked safely, and linear algebra starts some
        os.environ.setdefault(variable, "1")
    _FORKS.set_forkserver_preload(list(modules))


class VerbProcess:
    """One verb that has begun; with --json, so that its answer is one document."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        self._words = [*arguments, "--json"]
        self._folder = tempfile.TemporaryDirectory()
        self._process = _FORKS.Process(target=_run, args=(self._words, dict(environment), self._folder.name))
        # Starting waits for the imports, and whoever begins a verb has more to begin meanwhile.
        self._start = threading.Thread(target=self._begin, daemon=True)
        self._failure: OSError | None = None
        self._start.start()

    def _begin(self) -> None:
        try:
            self._process.start()
        except OSError as error:  # a TMPDIR too long for a socket, or no process left
            self._failure = error

    def answer(self) -> dict[str, Any]:
        """Wait for its JSON document; StackError with its sentence where it refuses."""
        self._start.join()
        if self._failure is not None:
            self._folder.cleanup()
            raise StackError(
                f"no process could begin for `starter.py {self._verb}` ({self._failure}): give a short TMPDIR, or free "
                "memory"
            )
        self._process.join()
        with self._folder as folder:
            output, notes = (_text(Path(folder) / name) for name in _STREAMS)
        try:
            document: dict[str, Any] = json.loads(output)
        except ValueError:
            document = {"error": notes or output or f"no answer, code {self._process.exitcode}"}
        if self._process.exitcode != 0:
            raise StackError(f"`starter.py {self._verb}` refused: {document.get('error', notes)}")
        return document

    def kill(self) -> None:
        """End it, whatever it does."""
        self._start.join()
        if self._failure is None:
            self._process.kill()
            self._process.join()
        self._folder.cleanup()

    @property
    def _verb(self) -> str:
        return " ".join(self._words[:-1])


_STREAMS = {"output": 1, "notes": 2}


def _text(path: Path) -> str:
    return path.read_text(errors="replace").strip() if path.exists() else ""


def _run(words: list[str], environment: dict[str, str], folder: str) -> None:
    """In the forked process: what `python starter.py WORDS` does, without a keyboard, its two streams in files."""
    os.environ.update(environment)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    for name, stream in _STREAMS.items():
        with (Path(folder) / name).open("wb") as file:
            os.dup2(file.fileno(), stream)
    sys.argv = [str(ROOT / "starter.py"), *words]
    runpy.run_path(sys.argv[0], run_name="__main__")
