"""The verb `replay`. Touch with gaelp/commands/history/replay_log.py."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, Finished
from tests.unit.commands.history.checkpoints import checkpoint_of_a_run

LOGS = ROOT.parent / "shared" / "data" / "ipinyou_1458"
TRAIN, TEST = (LOGS / f"ipinyou_1458_rtbcontrol_{part}.txt.gz" for part in ("train", "test"))
STATS = "impressions=100000,clicks=79,cost=6450617"


def rows(place: Path) -> list[tuple[int, int, float]]:
    with gzip.open(place, "rt") as file:
        return [(int(a), int(b), float(c)) for a, b, c in (line.split()[:3] for line in file)]


@pytest.mark.timeout(300)  # some ten seconds of processor time, and much longer where all cores are busy
@pytest.mark.skipif(not LOGS.is_dir(), reason="the 1458 log is not here")
@pytest.mark.parametrize(("words", "bid"), [
    (("--policy", "lin_bid", "--param", "b0=10"), lambda pctr: int(10 * pctr / (79 / 100000))),
    (("--policy", "mcpc"), lambda pctr: int(pctr * (6450617 / 79))),
    (("--policy", "fixed", "--param", "bid=60"), lambda pctr: 60),
])  # fmt: skip
def test_the_1458_log_is_replayed_as_a_plain_loop_replays_it(
    in_process: Callable[..., Finished], words: tuple[str, ...], bid: Callable[[float], int]
) -> None:
    """Auctions, impressions, clicks and cost in whole numbers: episodes of 1000, a 32nd of the mean price, bids to 300.

    The training log and its sums give the same.
    """
    train = rows(TRAIN)
    budget = int(sum(price for _, price, _ in train) / len(train) * 0.03125 * 1000)
    impressions = clicks = cost = left = 0
    for number, (click, price, pctr) in enumerate(rows(TEST)):
        if number % 1000 == 0:
            left = budget
        if min(bid(pctr), 300, left) >= price:
            impressions, clicks, cost, left = impressions + 1, clicks + click, cost + price, left - price
    for train_words in [("--train-stats", STATS), *([("--train", str(TRAIN))] if "b0=10" in words else [])]:
        ran = in_process("replay", str(TEST), *words, *train_words, "--json")
        document = json.loads(ran.stdout)
        found = tuple(document[name] for name in ("auctions", "impressions", "clicks", "cost", "budget_per_episode"))
        assert found == (100000, impressions, clicks, cost, budget)


@pytest.fixture
def log(tmp_path: Path) -> str:
    file = tmp_path / "market.txt"
    file.write_text("".join(f"{int(row == 3)} {row + 1} 0.00{row + 1}\n" for row in range(9)))
    return str(file)


def test_the_options_reach_the_replay(in_process: Callable[..., Finished], log: str) -> None:
    """Nine auctions in episodes of four with a budget of ten, and bids up to five: 1 to 4, then 5, and nothing at 9."""
    ran = in_process("replay", log, "--policy", "fixed", "--param", "bid=8", "--train-stats",
                     "impressions=2,clicks=1,cost=10", "--episode-length", "4", "--budget-fraction", "0.5",
                     "--max-bid", "5", "--json")  # fmt: skip
    document = json.loads(ran.stdout)
    assert (document["budget_per_episode"], document["episodes"]) == (10, 3)
    assert (document["impressions"], document["clicks"], document["cost"]) == (5, 1, 15)


@pytest.mark.parametrize(("words", "message"), [
    (("--policy", "lin_bid", "--train-stats", STATS), "policy lin_bid takes --param b0=NUMBER and nothing else"),
    (("--policy", "mcpc", "--param", "b0=1", "--train-stats", STATS), "policy mcpc takes no --param"),
    (("--policy", "lin_bid", "--param", "b0=-1", "--train-stats", STATS), "--param b0=-1 is not a number from 0 up"),
    (("--policy", "lin_bid", "--param", "b0=inf", "--train-stats", STATS), "--param b0=inf is not a number from 0"),
    (("--policy", "lin_bid", "--param", "b0", "--train-stats", STATS), "'b0' is not of the form NAME=VALUE"),
    (("--policy", "mcpc", "--train-stats", "impressions=5"), "--train-stats is not of the form impressions="),
    (("--policy", "mcpc", "--train-stats", "impressions=5,clicks=1.5,cost=3"), "in whole numbers"),
    (("--policy", "mcpc"), "one of the arguments --train --train-stats is required"),
    (("--policy", "mcpc", "--train", "nowhere.txt"), "there is no file nowhere.txt"),
    (("--policy", "best", "--train-stats", STATS), "policy 'best' is neither lin_bid, mcpc, fixed nor a checkpoint"),
    (("--policy", "a" * 64, "--train-stats", STATS), "a checkpoint bids in money, and only it does"),
    (("--policy", "mcpc", "--price-unit", "1", "--train-stats", STATS), "and no other policy"),
    (("--policy", "mcpc", "--train-stats", STATS, "--episode-length", "0"), "'0' is not a whole number from 1"),
])  # fmt: skip
def test_what_cannot_be_replayed_is_one_sentence_and_exit_code_2(
    in_process: Callable[..., Finished], log: str, words: tuple[str, ...], message: str
) -> None:
    """Parameters, sums and logs that are not as they must be."""
    ran = in_process("replay", log, *words)
    assert ran.returncode == 2 and message in ran.stderr and len(ran.stderr.splitlines()) == 1


def test_a_checkpoint_bids_its_agents_bid_by_the_predicted_click_rate(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """A fixed bid of 3.60 a thousand, 10.5 in the log's unit, times k/1000 over a mean of 5/1000 is 2.1 k, truncated.

    Prices fall from 9 to 1 while k rises from 1 to 9, so that the last six auctions are won.
    """
    digest = checkpoint_of_a_run(in_process, tmp_path)
    log = tmp_path / "market.txt"
    log.write_text("".join(f"1 {10 - k} 0.00{k}\n" for k in range(1, 10)))
    ran = in_process("replay", str(log), "--policy", digest, "--price-unit", str(3.6 / 10.5), "--train-stats",
                     "impressions=1000,clicks=5,cost=5000", "--budget-fraction", "1", "--json")  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    assert document["agent"] == "fixed-bid"
    assert (document["impressions"], document["clicks"], document["cost"]) == (6, 6, 21)


def test_sums_without_clicks_give_no_linear_bid(in_process: Callable[..., Finished], log: str) -> None:
    """A log without clicks has no mean click rate to bid by."""
    ran = in_process("replay", log, "--policy", "mcpc", "--train-stats", "impressions=5,clicks=0,cost=3")
    assert ran.returncode == 2 and "has no click" in ran.stderr
