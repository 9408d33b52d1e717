"""What `make demo` prepares before its first verb; the demo itself is run by hand and by scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from gaelp.demos.demo_imports import IMPORTED_ONCE

PROGRAM = """
import importlib, json, pathlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps([each.read_text().strip() for each in pathlib.Path("/proc/self/task").glob("*/comm")]))
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="a process's threads are listed by Linux alone")
def test_verbs_are_forked_from_a_process_with_one_thread() -> None:
    """What is imported once exists, and starts no thread but jemalloc's, which it begins anew in a fork itself."""
    one_thread = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    command = [sys.executable, "-c", PROGRAM, *IMPORTED_ONCE]
    said = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **one_thread}, check=True).stdout
    threads = [name for name in json.loads(said) if name != "jemalloc_bg_thd"]
    assert len(threads) == 1
