"""The verb `evaluate` on an A/B test. Touch with gaelp/commands/history/compared_arms.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Finished

TEST = "experiment,arm,impressions,clicks\nbanner,control,50210,402\nbanner,new,49790,463\n"


@pytest.fixture
def made(tmp_path: Path) -> str:
    (tmp_path / "banner.csv").write_text(TEST)
    return str(tmp_path / "banner.csv")


def test_the_arms_of_a_file_and_of_an_ingested_log_are_compared(in_process: Callable[..., Finished], made: str) -> None:
    """Rates, intervals and the difference are the same of both, and p says that the split may be as planned."""
    assert in_process("ingest", made, "--kind", "split-test", "--name", "banner").returncode == 0
    documents = [
        json.loads(in_process("evaluate", log, "--split", "equal", "--json").stdout) for log in (made, "banner")
    ]
    assert documents[0] == documents[1]
    (experiment,) = documents[0]["experiments"]
    control, new = experiment["arms"]
    assert (control["rate"], control["difference"]) == (402 / 50210, None)
    assert (new["low"], new["high"]) == pytest.approx((0.00860, 0.01004), abs=5e-6)
    assert (new["difference_low"], new["difference_high"]) == pytest.approx((0.00033, 0.00226), abs=5e-6)
    assert experiment["as_planned"] is True and experiment["split_p"] == pytest.approx(0.184, abs=5e-4)


def test_a_split_that_is_not_as_planned_is_said(in_process: Callable[..., Finished], made: str) -> None:
    """The same counts against a plan of 60 to 40; against the plan of halves nothing is said."""
    asked = in_process("evaluate", made, "--split", "control=60", "new=40")
    assert asked.returncode == 0 and "were not split as planned" in asked.stdout
    assert "were not split as planned" not in in_process("evaluate", made, "--split", "equal").stdout


@pytest.mark.parametrize(("split", "says"), [
    (("control=1",), "the log has an arm 'new', and its share is not said"),
    (("control=1", "new=0"), "--split new=0: say equal, or each arm with a share over 0"),
    (("control=1", "new=nan"), "--split new=nan: say equal"),
    (("control=1", "control=2"), "--split names 'control' twice"),
    (("halves",), "--split halves: say equal"),
    (("equal", "--policy", "uniform"), "not allowed with argument"),
])  # fmt: skip
def test_what_cannot_be_compared_is_one_sentence(
    in_process: Callable[..., Finished], made: str, split: tuple[str, ...], says: str
) -> None:
    """A split that is none, or leaves an arm out, ends with exit code 2 and no traceback."""
    ran = in_process("evaluate", made, "--split", *split)
    assert (ran.returncode, ran.stdout) == (2, "") and says in ran.stderr and len(ran.stderr.splitlines()) == 1


def test_a_run_that_names_an_a_b_test_is_refused(in_process: Callable[..., Finished], made: str) -> None:
    """No phase judges by one, and `validate` says so with exit code 2 before a run begins."""
    assert in_process("ingest", made, "--kind", "split-test", "--name", "banner").returncode == 0
    ran = in_process("validate", "--set", "historical.logs=[banner]")
    assert ran.returncode == 2 and "names banner, and no phase judges by a log of that kind" in ran.stderr
