"""Whatever happens to a command is an exit code and a sentence, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gaelp.commands.parser import VERBS
from gaelp.configuration.loading import digest, profile
from tests.support.command_line import ROOT, Finished, shows_no_traceback
from tests.support.giving_up import gives_up_soon


def test_help_imports_nothing_heavy() -> None:
    """--help is there at once: neither Temporal, numpy, pydantic, SQLAlchemy nor rich is imported for it."""
    code = (
        "import sys, starter\n"
        "assert starter.main(['--help']) == 0\n"
        "heavy = {'temporalio', 'numpy', 'pydantic', 'sqlalchemy', 'rich', 'duckdb', 'pyarrow', 'redis'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert all(verb in ran.stdout for verb in VERBS)


def test_an_interpreter_without_our_packages_is_told_as_such(tmp_path: Path) -> None:
    """`python starter.py` outside the virtual environment names the package, the interpreter and what to do."""
    bare = [sys.executable, "-S", str(ROOT / "starter.py"), "status", "first"]
    ran = subprocess.run(bare, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("the package pydantic is not installed for ") and "`make setup`" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_an_older_python_is_told_as_such(tmp_path: Path) -> None:
    """One sentence before any import of ours, which an older Python cannot read."""
    old = (
        "import runpy, sys; sys.version_info = (3, 10, 0, 'final', 0); runpy.run_path(sys.argv[1], run_name='__main__')"
    )
    command = [sys.executable, "-c", old, str(ROOT / "starter.py"), "status", "first"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("GAELP needs Python 3.11 to 3.13, and ") and len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("strat", 2, "did you mean start?"),
        ("fly", 2, "use one of start, validate"),
        ("--config nope.yaml", 2, "there is no profile or file"),
        ("validate --set live_test.daily_cap=5 --set seed=x", 2, "2 errors in the configuration"),
        ("--config quick-test --bogus", 2, "--bogus"),
        ("start --experiment-name ../x", 2, "'../x' is not a valid name"),
        ("start", 1, "Temporal does not answer at 127.0.0.1:1: start it with `make dev`"),
        ("approve a", 1, "nothing of run 'a' waits for approval"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(
    starter: Callable[..., Finished], words: str, code: int, sentence: str
) -> None:
    """A command that is refused ends within ten seconds with its exit code and one sentence, without a traceback."""
    with gives_up_soon():
        ran = starter(*words.split())
    shows_no_traceback(ran)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert sentence in ran.stderr


def test_json_is_one_document_and_nothing_else(starter: Callable[..., Finished]) -> None:
    """With --json, before or after the verb, stdout is one JSON document, of errors too."""
    good = starter("--json", "validate", "--config", "development")
    assert json.loads(good.stdout)["config_digest"] == digest(profile("development"))
    assert json.loads(good.stdout)["notes"] == []
    bad = starter("validate", "--set", "sed=1", "--json")
    document = json.loads(bad.stdout)
    assert (bad.returncode, document["exit_code"]) == (2, 2)
    assert [(each["path"], each["source"]) for each in document["errors"]] == [("sed", "--set sed=1")]
    assert "did you mean seed?" in document["error"]


def test_a_closed_pipe_is_no_error(no_services: Mapping[str, str]) -> None:
    """`starter.py agents | head -0` ends without a traceback."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "starter.py"), "validate", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **no_services},
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) in (0, 141)
    assert "Traceback" not in errors


def test_nothing_to_do_is_wrong_usage(in_process: Callable[..., Finished]) -> None:
    """Without any word the usage is shown, on stderr, with exit code 2."""
    ran = in_process()
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "VERB" in ran.stderr


@pytest.mark.parametrize(
    "words",
    [
        "accounts add Shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1",
        "accounts add shop --kind emulator --platform emulator --daily-cap -1 --total-cap 1",
        "accounts add shop --kind emulator --platform emulator --daily-cap 1e99 --total-cap 1",
        "accounts add shop --kind emulator --platform emulator --daily-cap nan --total-cap 1",
        "accounts add shop --kind emulator --platform emulator --daily-cap 1.001 --total-cap 1",
        "accounts add shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1 --currency usd",
        "accounts add shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1 --timezone Mars/X",
        "accounts add shop --kind emulator --platform emulator --daily-cap 1 --total-cap 1 --timezone ../x",
        "accounts add shop --kind real --platform emulator --daily-cap 1 --total-cap 1",
        "accounts add shop --kind real --platform meta --daily-cap 1 --total-cap 1 --world-from x",
        "ingest nofile.csv --kind bandit --name x",
        "ingest starter.py --kind bandit --name ../x",
        "ingest starter.py --kind other --name x",
        "list --limit 0",
        "stop",
        "stop a --all",
        "start --from-phase historical",
        "start --from-checkpoint x",
        "start --from-phase live",
        "start --agent linear-thomson",
        "start --set incumbent=nobody",
    ],
)
def test_wrong_usage_is_exit_code_2(
    in_process: Callable[..., Finished], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong arguments are refused before any service is asked."""
    monkeypatch.chdir(ROOT)
    ran = in_process(*words.split(), "--json")
    shows_no_traceback(ran)
    assert ran.returncode == json.loads(ran.stdout)["exit_code"] == 2


def test_wrong_settings_are_named(in_process: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown GAELP_ variable stops a start, and the sentence names the known one that is nearest."""
    monkeypatch.setenv("GAELP_SEEED", "7")
    ran = in_process("start")
    assert ran.returncode == 2
    assert "did you mean GAELP_SEED?" in ran.stderr
