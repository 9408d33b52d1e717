"""Bids beside the logger and two rules on a market log. Touch with gaelp/evidence/history/bid_comparison.py.

The logs have known click rates, so that what a bid brings is known.
"""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.evidence.history.bid_comparison import MULTIPLES, ComparedBids, compare_bids
from gaelp.evidence.history.off_policy import LOGGING, TESTED
from gaelp.evidence.history.policy_panel import Auctions, NoPanel, calibrating_and_later
from gaelp.messages.log_replay import Estimate, PairedDifference
from tests.support.known_truth_logs import market_log

ROWS, UNIT = 40_000, 0.25
WORTH = 1500.0  # of a click, in the log's unit: some auctions are worth their price of about 60, others are not


def parts(clicked: int | None = None) -> tuple[Auctions, Auctions]:
    """Two halves; every `clicked`-th auction of the later one is clicked, where that is said."""
    log = market_log(1, ROWS, ctr=0.05)
    if clicked is not None:
        log["click"][ROWS // 2 :] = np.arange(ROWS // 2) % clicked == 0
    return calibrating_and_later(log, ROWS // 2)


def compared(bids: np.ndarray, both: tuple[Auctions, Auctions]) -> ComparedBids:
    return compare_bids(both, bids, WORTH, UNIT, np.random.default_rng(0))


def values(found: ComparedBids) -> dict[str, Estimate]:
    return {each.policy: each for each in found.estimates}


def leads(found: ComparedBids) -> dict[str, PairedDifference]:
    return {each.policy: each for each in found.differences}


def test_every_value_is_that_of_a_plain_loop() -> None:
    """A bid of at least the price wins, pays the price and has what the click is worth; so have the rules."""
    before, after = both = parts()
    bids = np.random.default_rng(3).uniform(0, 120, after.price.size)
    found = values(compared(bids, both))

    def brought(auctions: Auctions, bid: np.ndarray) -> float:
        rows = zip(auctions.price.tolist(), auctions.click.tolist(), bid.tolist(), strict=True)
        return sum(WORTH * click - price for price, click, offered in rows if offered >= price)

    def linear(auctions: Auctions, multiple: float) -> np.ndarray:
        return np.floor(multiple * before.price.mean() * (auctions.pctr / before.pctr.mean()))

    best = max(MULTIPLES, key=lambda multiple: brought(before, linear(before, multiple)))
    expected = {
        TESTED: brought(after, bids),
        LOGGING: WORTH * int(after.click.sum()) - int(after.price.sum()),
        "linear-bid": brought(after, linear(after, best)),
    }
    for name, total in expected.items():
        assert found[name].value == pytest.approx(UNIT * total / after.price.size), name
    won = bids >= after.price
    assert (found[TESTED].row_ess, found[TESTED].click_ess) == (won.sum(), after.click[won].sum())


def test_bids_of_what_an_auction_is_worth_lead_and_random_ones_do_not() -> None:
    """The first lead over all, above 0 in pairs; bids by lot fall behind the linear bid."""
    both = parts()
    good, poor = (
        leads(compared(bids, both))
        for bids in (WORTH * both[1].pctr, np.random.default_rng(4).uniform(0, 120, ROWS // 2))
    )
    for name in (LOGGING, "fixed-bid"):
        assert 0 < good[name].low < good[name].value < good[name].high, name
    assert poor["linear-bid"].high < 0


def test_a_lead_is_measured_in_pairs() -> None:
    """Whoever bids above every price is the logger, auction by auction: the lead is 0 for certain, its value is not."""
    both = parts()
    found = compared(np.full(ROWS // 2, np.inf), both)
    assert (lead := leads(found)[LOGGING]).value == lead.low == lead.high == 0.0
    own = values(found)[TESTED]
    assert own.high - own.low > 0.1 and own == values(found)[LOGGING].model_copy(update={"policy": TESTED})


def test_whoever_bids_nothing_brings_nothing_and_wins_nothing() -> None:
    """Exactly 0, with an interval of 0, on no auction."""
    own = values(compared(np.zeros(ROWS // 2) - 1, parts()))[TESTED]
    assert (own.value, own.low, own.high, own.row_ess, own.click_ess) == (0.0, 0.0, 0.0, 0.0, 0.0)


def test_the_rules_know_the_earlier_part_alone() -> None:
    """They win the same auctions whether the later part is clicked always or hardly ever."""
    found = [values(compared(np.zeros(ROWS // 2), parts(clicked))) for clicked in (1, 500)]
    for rule in ("fixed-bid", "linear-bid"):
        assert found[0][rule].row_ess == found[1][rule].row_ess > 0
        assert found[0][rule].value > found[1][rule].value


@pytest.mark.parametrize("spoiled", [{"click": -1}, {"pctr": np.nan}])
def test_a_log_without_clicks_or_predictions_compares_nothing(spoiled: dict[str, float]) -> None:
    """As it supports no panel: the same refusal, with its reason."""
    log = market_log(1, ROWS, ctr=0.05)
    for column, value in spoiled.items():
        log[column][-1] = value
    with pytest.raises(NoPanel, match=r"clicks of some|no predicted click rates"):
        calibrating_and_later(log, ROWS // 2)
