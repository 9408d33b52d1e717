"""The verb `evaluate` on real and made logs. Touch with gaelp/commands/history/evaluate_log.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import ROOT, Finished
from tests.support.made_logs import ITEMS, write_log
from tests.unit.commands.history.checkpoints import LOG, checkpoint_of_a_run

LOGS = ROOT.parent / "shared" / "data" / "obd"
# Open Bandit Pipeline 0.5.10 on the bts logs, the uniform policy, our reward model given to it, lambda of SWITCH 100.
REFEREE = {
    "all": {
        "ips": 0.0023596395168460037, "snips": 0.002333713893161806, "dm": 0.004183221863755521,
        "dr": 0.0025282631665317938, "sndr": 0.002546446383116699, "switch-dr": 0.002950208329840043,
    },
    "men": {
        "ips": 0.003008626327256482, "snips": 0.0031894231622774027, "dm": 0.005835902812230895,
        "dr": 0.003215729587714837, "sndr": 0.003058275994389726, "switch-dr": 0.0033189889741156876,
    },
}  # fmt: skip


def answer(ran: Finished) -> dict[str, Any]:
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


def uniform_on(in_process: Callable[..., Finished], by: str, campaign: str) -> dict[str, Any]:
    """What `evaluate` says of the uniform policy on the log that the policy `by` recorded."""
    place = LOGS / by / campaign / f"{campaign}.csv.gz"
    return answer(in_process("evaluate", str(place), "--policy", "uniform", "--json"))


@pytest.fixture
def made(tmp_path: Path) -> str:
    return str(write_log(tmp_path / "made", seed=3))


@pytest.mark.skipif(not LOGS.is_dir(), reason="the Open Bandit logs are not here")
@pytest.mark.parametrize(("campaign", "figures"), [
    ("all", ("0.00420", "0.00236", "0.00233", "340", "7.3")),
    ("men", ("0.00690", "0.00301", "0.00319", "656", "15.1")),
])  # fmt: skip
def test_the_open_bandit_figures_come_out_and_a_handful_of_clicks_is_refused(
    in_process: Callable[..., Finished], campaign: str, figures: tuple[str, ...]
) -> None:
    """The figures of the data's README to the last digit, those of OBP to nine, and the reason of the refusal."""
    document = uniform_on(in_process, "bts", campaign)
    estimates, rests_on = document["estimates"], document["rests_on"]
    shown = *(f"{estimates[name]['value']:.5f}" for name in ("on-policy", "ips", "snips")), f"{rests_on['row_ess']:.0f}"
    assert (*shown, f"{rests_on['click_ess']:.1f}") == figures
    for estimator, value in REFEREE[campaign].items():
        assert estimates[estimator]["value"] == pytest.approx(value, rel=1e-9)
    assert document["grade"] == "none" and f"effective clicks {figures[-1]} of the 30 needed" in document["refused"]
    verdict = document["verdict"]
    assert (verdict["verdict"], verdict["inconclusive"]) == ("INCONCLUSIVE", "unsupported")
    assert f"effective clicks {figures[-1]} of the 30 needed" in verdict["reason"]


@pytest.mark.skipif(not LOGS.is_dir(), reason="the Open Bandit logs are not here")
def test_one_logs_policy_estimated_from_the_other_covers_what_the_other_one_measured(
    in_process: Callable[..., Finished],
) -> None:
    """The uniform policy's rate of the random log lies in the intervals that the bts log gives for it."""
    for campaign in ("all", "men"):
        truth = uniform_on(in_process, "random", campaign)
        guess = uniform_on(in_process, "bts", campaign)
        low, high = (truth["estimates"]["on-policy"][end] for end in ("low", "high"))
        for estimator in ("ips", "snips", "dr", "switch-dr"):
            estimate = guess["estimates"][estimator]
            assert estimate["low"] <= high and low <= estimate["high"]


def test_a_policy_file_of_equal_probabilities_is_the_uniform_policy(
    in_process: Callable[..., Finished], made: str, tmp_path: Path
) -> None:
    """Every estimate of the two documents is the same but for rounding, of a file and of an ingested log alike."""
    file = tmp_path / "policy.csv"
    file.write_text("item_id,probability\n" + "".join(f"{item},{1 / ITEMS!r}\n" for item in range(ITEMS)))
    assert in_process("ingest", made, "--kind", "bandit", "--name", "made").returncode == 0
    documents = [
        answer(in_process("evaluate", log, "--policy", policy, "--json"))
        for log, policy in ((made, "uniform"), (made, str(file)), ("made", str(file)))
    ]
    values = [[e["value"] for e in document["estimates"].values()] for document in documents]
    assert values[0] == pytest.approx(values[1]) and values[1] == values[2]


def test_a_chosen_creative_is_judged_on_rows_that_did_not_choose_it(
    in_process: Callable[..., Finished], made: str
) -> None:
    """`best-creative` names its item, and half of the rows remain to judge it on."""
    document = answer(in_process("evaluate", made, "--policy", "best-creative", "--json"))
    assert document["rows"] == 1500 and "chosen on the earlier half" in document["note"]


def test_a_checkpoint_is_judged_by_what_its_agent_shows(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """A fixed bid shows all creatives alike, so that on a log that did so too its SNIPS is the log's own click rate.

    Its run went on to live campaigns, whose rows name an arm and not an agent.
    """
    digest = checkpoint_of_a_run(in_process, tmp_path)
    document = answer(in_process("evaluate", LOG, "--policy", digest, "--json"))
    estimates = document["estimates"]
    assert document["rows"] == 1500 and document["note"] == "of agent fixed-bid, judged on the later half"
    assert estimates["snips"]["value"] == pytest.approx(estimates["on-policy"]["value"])
    assert document["rests_on"]["row_ess"] == pytest.approx(1500)


def test_a_checkpoint_that_knows_other_items_is_refused(
    in_process: Callable[..., Finished], made: str, tmp_path: Path
) -> None:
    """Shares of twelve items say nothing of a log that has two."""
    digest = checkpoint_of_a_run(in_process, tmp_path)
    few = tmp_path / "few.csv"
    head, *rows = Path(made).read_text().splitlines()
    few.write_text("\n".join([head, *(row for row in rows if row.split(",")[2] in "01")]))
    ran = in_process("evaluate", str(few), "--policy", digest)
    assert ran.returncode == 1 and "the log has 2 items, and the checkpoint knows 12" in ran.stderr


@pytest.mark.parametrize("ingested", [False, True])
def test_an_ab_test_that_is_asked_about_a_policy_says_how_to_ask(
    in_process: Callable[..., Finished], tmp_path: Path, ingested: bool
) -> None:
    """The refusal names --split, for a file and for an ingested log."""
    log = tmp_path / "banner.csv"
    log.write_text("experiment,arm,impressions,clicks\nbanner,control,500,4\nbanner,new,500,5\n")
    if ingested:
        assert in_process("ingest", str(log), "--kind", "split-test", "--name", "banner").returncode == 0
    ran = in_process("evaluate", "banner" if ingested else str(log), "--policy", "uniform")
    assert ran.returncode == 2 and "ask with --split equal" in ran.stderr and len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(("words", "message", "code"), [
    (("nowhere/log.csv", "--policy", "uniform"), "there is no file nowhere/log.csv", 2),
    (("unknown", "--policy", "uniform"), "there is no log 'unknown'", 1),
    (("LOG", "--policy", "clever"), "policy 'clever' is neither uniform, best-creative, a file nor a checkpoint", 2),
    (("LOG", "--policy", "a" * 64), "the warehouse knows no run with checkpoint", 1),
    (("LOG", "--policy", "LOG"), "give item_id and probability", 2),
    (("LOG",), "one of the arguments --policy --split is required", 2),
])  # fmt: skip
def test_what_cannot_be_evaluated_is_one_sentence(
    in_process: Callable[..., Finished], made: str, words: tuple[str, ...], message: str, code: int
) -> None:
    """A log, a file or a policy that is not there or is none ends with its exit code, and no traceback."""
    ran = in_process("evaluate", *(made if word == "LOG" else word for word in words))
    assert (ran.returncode, ran.stdout) == (code, "") and message in ran.stderr and len(ran.stderr.splitlines()) == 1
