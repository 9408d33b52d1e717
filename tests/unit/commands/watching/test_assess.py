"""The verb `assess`, where there is nothing to judge yet; tests/activities/records/test_assessment.py has the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.support.command_line import NOW, Finished, ledger_in, shows_no_traceback


def test_a_run_without_campaigns_is_told_so_and_an_unknown_one_is_refused(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """Exit code 0 and a sentence for the first, 1 and a sentence for the second."""
    ledger_in(tmp_path).register_run("a", "shop", NOW)
    young = in_process("assess", "a")
    assert (young.returncode, "no campaign of a has reported" in young.stdout.replace("\n", " ")) == (0, True)
    assert json.loads(in_process("assess", "a", "--json").stdout) == {"run": "a", "judged": [], "now": None}
    unknown = in_process("assess", "b")
    shows_no_traceback(unknown)
    assert (unknown.returncode, "there is no run 'b'" in unknown.stderr) == (1, True)
