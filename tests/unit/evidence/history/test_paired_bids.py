"""An agent's bids beside the logger's purchases for the same money. Touch with gaelp/evidence/history/paired_bids.py.

The logs are made, with known click rates: criterion 5b can PASS on them, and with one thing spoiled it does not.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.judging import alpha_for, judge_historical
from gaelp.domain.gates.verdicts import CriterionVerdict, Verdict
from gaelp.domain.log_evidence import Grade, LogKind
from gaelp.domain.policy_ranks import PairedBids
from gaelp.evidence.history.paired_bids import pair_bids
from gaelp.evidence.history.policy_panel import Auctions, calibrating_and_later
from gaelp.evidence.phase_measurements import measure_historical
from gaelp.messages.log_replay import LogEvidence
from tests.support.known_truth_logs import market_log

ROWS = 600_000
HIGHEST = 300  # price in a made log
PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def halves(rows: int = ROWS, ctr: float = 0.02) -> tuple[Auctions, Auctions]:
    return calibrating_and_later(market_log(1, rows, ctr=ctr), rows // 2)


def paired(both: tuple[Auctions, Auctions], bids: np.ndarray | float, logged: np.ndarray | int = -1) -> PairedBids:
    size = both[1].price.size
    return pair_bids(both, np.broadcast_to(bids, size).astype(float), np.broadcast_to(logged, size))


def judged(bids: PairedBids) -> CriterionVerdict:
    evidence = LogEvidence(log="made", kind=LogKind.MARKET, grade=Grade.B, rows=ROWS // 2, clicks=0, bids=bids)
    criteria = judge_historical(measure_historical([evidence], alpha_for(1)), TrainingConfiguration())
    return next(each for each in criteria if each.id == "5b")


def by_pctr(auctions: Auctions) -> np.ndarray:
    """A bid of 60 times the predicted click rate over its mean, in whole numbers, at most the highest price."""
    return np.minimum(np.floor(60 * auctions.pctr / auctions.pctr.mean()), HIGHEST)


def test_the_clicks_are_those_of_a_plain_loop() -> None:
    """Both are given what a thousand auctions' prices cost by 1/32, and pay what they win while it lasts."""
    before, after = both = halves(27_000, 0.05)
    bids = np.random.default_rng(3).uniform(0, 2 * HIGHEST, after.price.size)
    logged = np.where(np.arange(bids.size) % 3 == 0, -1, np.maximum(after.price, 250))
    budget = int(before.price.sum() / before.price.size * 1000 / 32)
    highest = max(before.price.max(), after.price.max())
    agent, beyond, logger, either, differences = 0, 0, 0, 0, []
    for start in range(0, bids.size, 1000):
        left, its, own, sure = budget, budget, 0, 0
        for row in range(start, min(start + 1000, bids.size)):
            price, click = int(after.price[row]), int(after.click[row])
            if bought := price <= its:
                its -= price
                own += click
            if won := bids[row] >= price and price <= left:
                left -= price
                agent += click
                if bids[row] <= (highest if logged[row] < 0 else logged[row]):
                    sure += click
                else:
                    beyond += click
            either += click * (won or bought)
        logger += own
        differences.append(sure - 0.95 * own)
    found = paired(both, bids, logged)
    assert (found.agent, found.beyond, found.logger, found.clicks) == (agent, beyond, logger, either)
    assert found.episodes == len(differences) == 14 and min(agent - beyond, beyond, logger) > 0
    assert found.difference == pytest.approx(np.mean(differences))


def test_bids_that_follow_the_click_rate_pass_and_none_at_all_fail() -> None:
    """For the same money they win more clicks than whoever takes what comes; whoever bids nothing has none."""
    both = halves()
    good, none = paired(both, by_pctr(both[1])), paired(both, -1.0)
    assert good.agent > 1.3 * good.logger and judged(good).verdict is PASS, judged(good).reason
    assert none.agent == 0 and judged(none).verdict is FAIL, judged(none).reason


def test_a_tenth_fewer_clicks_do_not_pass() -> None:
    """An agent that leaves out some of the auctions with most clicks for their price, and is else the logger."""
    before, after = both = halves()
    best = after.pctr / after.price > np.quantile(before.pctr / before.price, 0.8)
    left_out = best & (np.random.default_rng(3).random(best.size) < 0.35)
    found = paired(both, np.where(left_out, 0, HIGHEST))
    assert 0.85 < found.agent / found.logger < 0.94
    assert judged(found).verdict is not PASS


def test_too_few_clicks_decide_nothing() -> None:
    """The best bids and none at all, where the logger buys fewer than 30 clicks."""
    both = halves(60_000, 0.01)
    for bids in (by_pctr(both[1]), -1.0):
        found = judged(paired(both, bids))
        assert found.verdict is INCONCLUSIVE and "of the 30 needed clicks" in found.reason


def test_what_the_log_does_not_know_counts_against_a_pass_and_makes_no_fail() -> None:
    """Bids above every price, or above the logger's, win its auctions: no PASS by them, and no FAIL."""
    both = halves()
    for bids, logged in ((HIGHEST + 1.0, -1), (HIGHEST, np.maximum(both[1].price, HIGHEST - 1))):
        found = paired(both, bids, logged)
        assert found.agent == found.logger > 100 and found.beyond > 0.9 * found.agent
        verdict = judged(found)
        assert verdict.verdict is INCONCLUSIVE and "which do not count for it" in verdict.reason
    known = paired(both, both[1].price.astype(float), both[1].price)
    assert known.beyond == 0 and known.agent == known.logger


def made(seed: int, episodes: int, ratio: float) -> tuple[Auctions, Auctions]:
    """All prices are 1: the logger buys the first 31 of a thousand auctions, whose click rate is 10 %.

    That of the last 31 is `ratio` times as high.
    """
    rate = np.zeros(1000)
    rate[:31], rate[-31:] = 0.1, 0.1 * ratio
    rng = np.random.default_rng(seed)
    click = (rng.random((2 * episodes, 1000)) < rate).astype(np.int64).ravel()
    whole = Auctions(np.ones(click.size, np.int64), click, np.ones(click.size))
    return whole.part(0, 1000 * episodes), whole.part(1000 * episodes, click.size)


def test_whoever_is_just_not_good_enough_passes_in_three_of_a_hundred_logs_at_the_most() -> None:
    """With 95 % of the logger's clicks, in 150 logs; such an agent does not fail, and one twice as good passes."""
    needed = -math.log(alpha_for(1))
    last = np.tile(np.arange(1000) >= 969, 40)
    logs = {0.95: 150, 2.0: 20}
    found = {
        ratio: [paired(made(seed, 40, ratio), np.where(last, 1.0, 0.0)) for seed in range(many)]
        for ratio, many in logs.items()
    }
    assert all(0.9 < np.mean([each.agent for each in found[ratio]]) / (124 * ratio) < 1.1 for ratio in found)
    wrong = [each.log_wealth >= needed or each.log_wealth_against >= needed for each in found[0.95]]
    assert np.mean(wrong) <= 0.06
    assert np.mean([each.log_wealth >= needed for each in found[2.0]]) > 0.9
