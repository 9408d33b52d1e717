"""The verb `report`: a page about one run, or about all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Finished, ledger_in, open_request, shows_no_traceback


def test_all_runs_on_one_page(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """`report --all` writes one page, says how many runs there are, and has the same figures as JSON."""
    open_request(ledger_in(tmp_path))
    ran = in_process("report", "--all")
    shows_no_traceback(ran)
    sentence, page = ran.stdout.splitlines()
    assert (ran.returncode, sentence) == (0, "1 run: 1 not begun.")
    assert "starter.py approve a" in Path(page).read_text()
    elsewhere = tmp_path / "elsewhere"
    shown = json.loads(in_process("report", "--all", "--json", "--output", str(elsewhere)).stdout)
    assert Path(shown["report"]) == elsewhere / "runs.html" and Path(shown["report"]).is_file()
    assert [(each["run"], each["worst_micros"]) for each in shown["runs"]] == [("a", 2_100_000_000)]


@pytest.mark.parametrize("words", [("report",), ("report", "first", "--all")])
def test_a_run_or_all(in_process: Callable[..., Finished], words: tuple[str, ...]) -> None:
    """Neither a run nor --all, or both, is wrong use."""
    ran = in_process(*words)
    shows_no_traceback(ran)
    assert ran.returncode == 2 and "--all" in ran.stderr
