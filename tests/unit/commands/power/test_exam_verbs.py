"""`certify` and `plan`: what they print and write, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Finished

FEW = ("--exams", "60")


def test_certify_prints_share_bounds_level_and_finding_and_draws_them(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """Agents that should not pass, agents that should, these also by criterion 2 alone; exit code 0, and a figure."""
    figure = tmp_path / "deep" / "shares.png"
    ran = in_process("certify", *FEW, "--figure", str(figure), "--json")
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    assert document["looks"] == [128, 256, 384, 512] and document["exceeded"] == []
    levels = [each["level"] for each in document["agents"]]
    assert levels == ["0.0304"] * 11 + [""] * 6
    assert {each["judged by"] for each in document["agents"]} == {"1", "2", "3", "4", "criteria 1 to 4"}
    assert [each["exact"] for each in document["agents"][-3:]] == ["0.8199", "0.9404", "1.0000"]
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_certify_ends_with_1_where_a_level_is_exceeded(
    in_process: Callable[..., Finished], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that lets every exam pass is found, and the sentence names the agents."""
    from gaelp.evidence.certification import simulated_exams

    def lets_all_pass(trials: simulated_exams.ExamTrials, _: simulated_exams.ExamPlan) -> object:
        import numpy as np

        return np.ones((len(trials.successes), 4), bool)

    monkeypatch.setattr(simulated_exams, "real_gate", lets_all_pass)
    ran = in_process("certify", *FEW, "--figure", str(tmp_path / "f.png"))
    assert ran.returncode == 1 and "the gate passes more than it may: reward 0.7" in ran.stdout


def test_plan_says_which_exam_is_enough(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Four sizes of exam with the power of each criterion; the first with 80 % is named, or that none is."""
    ran = in_process("plan", "--success", "0.9", "--figure", str(tmp_path / "p.png"), "--json")
    document = json.loads(ran.stdout)
    assert [each["episodes"] for each in document["exams"]] == [512, 1024, 2048, 4096]
    assert document["enough"] == 512 and document["exams"][0]["power"]["1 to 4"] > 0.9
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    none = in_process("plan", "--success", "0.8", "--figure", str(tmp_path / "p.png"))
    assert none.returncode == 0 and "no exam of up to 4,096 episodes passes in 80% of cases" in none.stdout


def test_the_exam_is_the_configurations(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """A larger exam, a later attempt and another threshold change what is planned."""
    place = ("--figure", str(tmp_path / "p.png"), "--json")
    larger = json.loads(in_process("plan", "--set", "simulation.exam_batches=8", "--attempt", "2", *place).stdout)
    assert larger["exams"][0]["episodes"] == 1024 and larger["level"] == pytest.approx(0.0076, abs=1e-4)
    stricter = json.loads(in_process("plan", "--set", "simulation.success_rate=0.9", *place).stdout)
    assert stricter["exams"][3]["power"]["2 success"] == 0.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "--success", "85"), "--success is 85, and it is a share from 0 to 1"),
        (("plan", "--reward", "nan"), "--reward is nan, and it is a share from 0 to 1"),
        (("certify", "--trials", "0"), "is not a number from 1 to 100000"),
        (("certify", "--gate", "live-test"), "invalid choice"),
        (("certify", "--set", "simulation.rounds=0"), "simulation.rounds"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(
    in_process: Callable[..., Finished], words: tuple[str, ...], said: str
) -> None:
    """What cannot be planned is refused by name."""
    ran = in_process(*words)
    assert ran.returncode == 2 and said in ran.stderr and "Traceback" not in ran.stderr


def test_plan_says_what_a_live_test_can_detect(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Each number of campaigns at two lengths with the joint power, calendar days and spend; the shortest is named."""
    stated = ("--cpa", "20", "--roi", "0.5", "--lag", "1", "--order-spread", "0.5", "--daily-budget", "25")
    place = ("--figure", str(tmp_path / "p.png"), "--json")
    ran = in_process("plan", "--gate", "live", *stated, "--set", "clock.tick_hours=1", *place)
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    shape = [(each["campaigns"], each["days"]) for each in document["tests"]]
    assert shape == [(n, days) for days in (7, 16) for n in (5, 6, 8, 10)]
    joint = {each: test["shares"]["8 to 10"] for each, test in zip(shape, document["tests"], strict=True)}
    assert joint[6, 7] < 0.1 < joint[10, 7] < 0.5 < joint[10, 16]
    assert document["enough"]["days"] == 16 and document["enough"]["calendar_days"] >= 120
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--cpa", "nan"), "--cpa 'nan' is not an amount"),
        (("--daily-budget", "0"), "--daily-budget '0' is not an amount"),
        (("--cpa", "100000"), "and 366 are the most: give a larger --daily-budget"),
        (("--roi", "-1"), "--roi is -1, and it is a number above -1"),
        (("--lag", "0"), "--lag is 0, and it is a number of days above 0"),
        (("--order-spread", "9"), "--order-spread is 9"),
        (("--set", "economics.margin=0"), "no ROI can be reached"),
    ],
)
def test_a_live_test_that_cannot_be_planned_is_refused(
    in_process: Callable[..., Finished], words: tuple[str, ...], said: str
) -> None:
    """One sentence that names the option or the setting, and exit code 2."""
    ran = in_process("plan", "--gate", "live-test", *words)
    assert ran.returncode == 2 and said in ran.stderr and "Traceback" not in ran.stderr
