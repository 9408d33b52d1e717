"""examples/whole_run.py and examples/whole_run.ipynb, as a user runs them, on the real services."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

from tests.support.local_runs import ACCOUNT, SMALL, LocalRuns

EXAMPLES = Path(__file__).parents[2] / "examples"
# Runs the cells of a notebook one after the other in one namespace, as a kernel does, with await outside of functions.
KERNEL = """
import ast, asyncio, json, sys
from inspect import iscoroutine
space = {"__name__": "__main__"}
async def all_cells(path):
    for cell in json.load(open(path))["cells"]:
        if cell["cell_type"] == "code":
            code = compile("".join(cell["source"]), path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if iscoroutine(awaited := eval(code, space)):
                await awaited
asyncio.run(all_cells(sys.argv[1]))
"""


def variables(local_runs: LocalRuns, account: str) -> dict[str, str]:
    """The environment of a small run: where the services are, and each setting as a variable."""
    changes = (each.partition("=") for each in (*SMALL, "simulation.rounds=1", f"account={account}"))
    small = {f"GAELP_{path.upper().replace('.', '__')}": value for path, _, value in changes}
    return {**os.environ, **local_runs.stack.environment(), **small}


async def ran(*words: str, environment: dict[str, str]) -> tuple[int, str, str]:
    """How a program ends, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 180)
    return process.returncode or 0, out.decode(), err.decode()


def on_a_terminal(environment: dict[str, str], *words: str) -> str:
    """What starter.py shows on a terminal of 80 columns without colour, with its control sequences."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (40, 80))
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLES.parent / "starter.py"), *words], stdin=subprocess.DEVNULL, stdout=its, stderr=its,
        env={**environment, "TERM": "vt100", "NO_COLOR": "1"},
    )  # fmt: skip
    os.close(its)
    shown = b""
    with suppress(OSError):  # the last reader of a terminal that is gone
        while part := os.read(ours, 65536):
            shown += part
    os.close(ours)
    assert process.wait(60) == 0, shown
    return shown.decode()


async def test_the_examples_run_as_they_stand(local_runs: LocalRuns) -> None:
    """The script hears of each phase, signs both requests and ends; the notebook is not silent, and sees a refusal."""
    account = await asyncio.to_thread(local_runs.open_account, "from-python")
    key = str(local_runs.stack.home / "keys" / "ada.pem")
    script, notebook = await asyncio.gather(
        ran(
            str(EXAMPLES / "whole_run.py"), "--key", key, "--name", "from-python",
            environment=variables(local_runs, account),
        ),
        ran("-c", KERNEL, str(EXAMPLES / "whole_run.ipynb"), environment=variables(local_runs, ACCOUNT)),
    )  # fmt: skip
    code, said, error = script
    assert code == 0, error
    for phase in ("simulation", "historical", "live-test", "scaled"):
        assert f"from-python/{phase} began\n" in said and f"from-python/{phase} ended: " in said
    assert "from-python/simulation/round-0000: " in said
    assert said.count("waits for your approval") == said.count("from-python: approved\n") == 2
    assert "from-python ended graduated-unproven: " in said
    watched = await asyncio.to_thread(local_runs.starter, "watch", "from-python")
    assert watched.code == 0 and watched.out.splitlines()[-1].startswith("from-python ended: graduated-unproven")
    assert set(watched.out.splitlines()) <= set(said.splitlines()), "a pipe is told what a caller in Python is told"
    page = await asyncio.to_thread(on_a_terminal, variables(local_runs, account), "watch", "from-python")
    assert "from-python: graduated-unproven (linear-thompson on from-python" in page and "spent " in page
    code, said, error = notebook
    assert code == 0, error
    assert "/historical ended: " in said and "INCONCLUSIVE" in said
    assert "UnknownAgent no agent 'linear-thomson'" in said or "did you mean 'linear-thompson'?" in said


def test_the_notebook_is_a_notebook() -> None:
    """Its form is nbformat 4, and no outputs of somebody's machine are kept in it."""
    notebook = json.loads((EXAMPLES / "whole_run.ipynb").read_text())
    assert notebook["nbformat"] == 4 and {"cell_type", "id", "metadata", "source"} <= set(notebook["cells"][0])
    assert not any(cell.get("outputs") for cell in notebook["cells"])
