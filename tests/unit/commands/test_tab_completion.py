"""What the Tab key offers."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, ledger_in


def offered(line: str, tmp_path: Path) -> set[str]:
    """What a shell in which this was typed is told."""
    answer = tmp_path / "answer"
    asked = {
        "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line, "COMP_POINT": str(len(line)), "GAELP_HOME": str(tmp_path / "home"),
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, str(ROOT / "starter.py")], env={**os.environ, **asked}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    return {word.strip() for word in answer.read_text().split("\n") if word.strip()}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("starter.py wa", {"watch", "wait"}),
        ("starter.py start --until ", {"simulation", "historical", "live-test", "scaled"}),
        ("starter.py approve --pa", {"--page"}),
        ("starter.py keys re", {"remove"}),
        ("starter.py status ", {"first", "second"}),
        ("starter.py status f", {"first"}),
        ("starter.py stop --account ", {"shop"}),
        ("starter.py attempts reset --account s", {"shop"}),
    ],
)
def test_the_tab_key_offers_verbs_options_choices_runs_and_accounts(line: str, words: set[str], tmp_path: Path) -> None:
    """Also inside a verb's actions."""
    ledger = ledger_in(tmp_path)
    for run in ("first", "second"):
        ledger.register_run(run, "shop", datetime.now(UTC))
    ledger.close()
    assert offered(line, tmp_path) >= words


def test_the_tab_key_makes_nothing(tmp_path: Path) -> None:
    """Where there is no ledger it offers no run, and says nothing amid what a person types."""
    assert offered("starter.py status ", tmp_path) == set()
    assert not (tmp_path / "home").exists()


def test_the_program_bears_the_mark_that_shells_look_for() -> None:
    """argcomplete's global completion asks only programs that say so in their first 1,024 bytes."""
    assert b"PYTHON_ARGCOMPLETE_OK" in (ROOT / "starter.py").read_bytes()[:1024]
