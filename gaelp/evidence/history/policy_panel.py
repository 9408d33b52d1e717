"""A panel of bid policies on a market log, predicted and replayed (docs/gates.md, criteria 6 and 7).

The market that is calibrated on the earlier part predicts a value for each policy, and the later part is replayed. A
policy bids m x (mean price) x (predicted click rate / mean click rate)^e, truncated. Its value is what an auction
brings: v x clicks less price, where a click is worth twice what it cost in the earlier part, so that the logger's own
value there is its cost. The panel is chosen from the earlier part alone: of a fixed list, the policies whose value
there is within 50 % of the logger's, because silly policies would be told apart by anything.

The calibrated market has strata by predicted click rate, and in each a click rate and the prices as they were; a click
and a price are independent within a stratum. Touch this to predict otherwise or to ask other policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from gaelp.arrays import B1, F8, I8, Array
from gaelp.errors import GaelpError
from gaelp.messages.log_replay import PanelEvidence, WindowPairs

EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
MULTIPLES = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 1.8, 2.0, 2.3, 2.6, 3.0, 3.5, 4.0)
PANEL = 24
NEAR = 0.5  # share of the logger's value within which a policy's lies
WORTH = 2.0  # of a click, in what a click cost
WINDOWS = 10  # of the later part, consecutive; each pairs the policies anew
BLOCKS = 20  # of a window
STRATA = 50
STRATUM_CLICKS = 10.0  # clicks that the log's own prediction is worth in a stratum
NOISE = 1.6448536269514722  # standard errors that a difference must exceed to count
FEWEST_APART = 10  # clicks that only one of two policies wins, below which a standard error says little
DRAWS = 2000
TAIL = 0.05  # each side of the 90 % interval of the level
FEWEST_CLICKS = 30  # of either part


class NoPanel(GaelpError, ValueError):
    """The log supports no panel; the message says why."""


@dataclass(frozen=True)
class Auctions:
    """Auctions that the logger won, in their order: price and click i8[N], predicted click rate f8[N]."""

    price: I8
    click: I8
    pctr: F8

    def part(self, start: int, end: int) -> Auctions:
        """The auctions from `start` up to `end`."""
        return Auctions(self.price[start:end], self.click[start:end], self.pctr[start:end])


@dataclass(frozen=True)
class Scale:
    """What the earlier part measures things by."""

    price: float  # mean
    ctr: float  # mean predicted click rate
    click: float  # worth of a click

    def bid(self, policy: tuple[float, float], pctr: F8) -> F8:
        """Bids of a policy (exponent, multiple), whole numbers."""
        exponent, multiple = policy
        return np.floor(multiple * self.price * (pctr / self.ctr) ** exponent)


def measure_panel(log: Mapping[str, Array], earlier: int, rng: np.random.Generator) -> PanelEvidence:
    """The panel on a market log whose first `earlier` rows calibrate; `rng` draws pairs and blocks. Raises NoPanel."""
    before, after = calibrating_and_later(log, earlier)
    clicks = int(before.click.sum())
    scale = Scale(float(before.price.mean()), float(before.pctr.mean()), WORTH * float(before.price.sum()) / clicks)
    policies, trained = _chosen(before, scale)
    predicted = _predicted(before, scale, policies)
    sums, rows = _values(after, scale, policies, WINDOWS * BLOCKS)
    actual = sums.sum(axis=1) / rows.sum()
    low, high = _level(predicted.sum(), trained, (sums.sum(axis=0), rows), rng)
    odd, even = (sums[:, start::2].sum(axis=1) / rows[start::2].sum() for start in (0, 1))
    return PanelEvidence(
        predicted=tuple(predicted.tolist()),
        actual=tuple(actual.tolist()),
        windows=_windows(predicted, sums / rows, _clicks_won(after, scale, policies), rng),
        level=float(predicted.sum() / actual.sum()) if actual.sum() else float("nan"),
        level_low=low,
        level_high=high,
        reliability=split_half_reliability(odd, even),
        clicks=int(after.click.sum()),
    )


def calibrating_and_later(log: Mapping[str, Array], earlier: int) -> tuple[Auctions, Auctions]:
    """A market log's first `earlier` rows and the others. Raises NoPanel where bids cannot be compared on them."""
    whole = Auctions(log["market_price"], log["click"], log["pctr"])
    before, after = whole.part(0, earlier), whole.part(earlier, whole.price.size)
    _check(before, after)
    return before, after


def _check(before: Auctions, after: Auctions) -> None:
    for part, name in ((before, "earlier"), (after, "later")):
        if not part.click.size:
            raise NoPanel(f"it has no {name} part: none of its rows is later than what calibrated the market")
        if not np.isfinite(part.pctr).all() or not part.pctr.any():
            raise NoPanel("it has no predicted click rates, by which the policies of the panel bid")
        if part.click.min() < 0:
            raise NoPanel("the clicks of some of its auctions are unknown")
        if (clicks := int(part.click.sum())) < FEWEST_CLICKS:
            raise NoPanel(f"its {name} part has {clicks} clicks, and at least {FEWEST_CLICKS} are needed")
        if not part.price.any():
            raise NoPanel("all its prices are 0")


def _values(auctions: Auctions, scale: Scale, policies: list[tuple[float, float]], blocks: int) -> tuple[F8, F8]:
    return worth_by_block(auctions, (scale.bid(policy, auctions.pctr) for policy in policies), scale.click, blocks)


def worth_by_block(auctions: Auctions, bids: Iterable[F8], click: float, blocks: int) -> tuple[F8, F8]:
    """Sum of what each policy's auctions bring in each consecutive block, f8[policies, blocks]; rows f8[blocks].

    Each of `bids` is f8[N], a policy's; `click` is a click's worth in the log's unit.
    """
    edges = np.linspace(0, auctions.price.size, blocks + 1).astype(np.int64)
    worth = click * auctions.click - auctions.price
    sums = [np.add.reduceat(np.where(each >= auctions.price, worth, 0.0), edges[:-1]) for each in bids]
    return np.stack(sums), np.diff(edges).astype(np.float64)


def _chosen(before: Auctions, scale: Scale) -> tuple[list[tuple[float, float]], tuple[F8, F8]]:
    """PANEL policies whose value on the earlier part is near the logger's, evenly over the list; their block sums."""
    listed = list(product(EXPONENTS, MULTIPLES))
    sums, rows = _values(before, scale, listed, WINDOWS * BLOCKS)
    logger = float((scale.click * before.click - before.price).sum())
    near = np.flatnonzero(np.abs(sums.sum(axis=1) / logger - 1) <= NEAR)
    if near.size < PANEL:
        raise NoPanel(
            f"{near.size} of the {len(listed)} listed policies have a value within {NEAR:.0%} of the logger's on its "
            f"earlier part, and {PANEL} are needed"
        )
    chosen = near[np.linspace(0, near.size - 1, PANEL).round().astype(np.int64)]
    return [listed[index] for index in chosen], (sums[chosen].sum(axis=0), rows)


def _predicted(before: Auctions, scale: Scale, policies: list[tuple[float, float]]) -> F8:
    """Value of an auction under each policy in the market of the earlier part, f8[policies]."""
    order = np.argsort(before.pctr, kind="stable")
    strata = [part for part in np.array_split(order, STRATA) if part.size]
    calibration = float(before.click.sum() / before.pctr.sum())
    prior = STRATUM_CLICKS / float(before.click.mean())
    total = np.zeros(len(policies))
    for part in strata:
        price, pctr = before.price[part], before.pctr[part]
        ctr = (before.click[part].sum() + prior * calibration * pctr.mean()) / (part.size + prior)
        for index, policy in enumerate(policies):
            won = scale.bid(policy, pctr) >= price
            total[index] += (won * (scale.click * ctr - price)).sum()
    return total / before.price.size


def _clicks_won(after: Auctions, scale: Scale, policies: list[tuple[float, float]]) -> list[B1]:
    """Of each window which of its clicked auctions each policy wins, b1[policies, clicks]."""
    edges = np.linspace(0, after.price.size, WINDOWS * BLOCKS + 1).astype(np.int64)[::BLOCKS]
    hit = np.flatnonzero(after.click)
    won = np.stack([scale.bid(policy, after.pctr[hit]) >= after.price[hit] for policy in policies])
    return np.split(won, np.searchsorted(hit, edges[1:-1]), axis=1)


def _windows(predicted: F8, values: F8, clicks: list[B1], rng: np.random.Generator) -> tuple[WindowPairs, ...]:
    """Disjoint pairs of each window whose actual difference exceeds the noise, and how many signs were predicted.

    `values` f8[policies, blocks] is what an auction of the block brought.
    """
    windows = []
    for window in range(WINDOWS):
        part, right = slice(window * BLOCKS, (window + 1) * BLOCKS), []
        for a, b in rng.permutation(PANEL).reshape(-1, 2).tolist():
            difference = values[a, part] - values[b, part]
            error = float(difference.std(ddof=1)) / BLOCKS**0.5
            actual, apart = float(difference.mean()), int((clicks[window][a] != clicks[window][b]).sum())
            if abs(actual) > NOISE * error and apart >= FEWEST_APART:
                right.append(bool((predicted[a] - predicted[b]) * actual > 0))
        windows.append(WindowPairs(pairs=len(right), right=sum(right)))
    return tuple(window for window in windows if window.pairs)


def _level(
    predicted: float, trained: tuple[F8, F8], tested: tuple[F8, F8], rng: np.random.Generator
) -> tuple[float, float]:
    """90 % interval of predicted over actual values: blocks of both parts are drawn anew, as both were measured."""
    (before, before_rows), (after, after_rows) = trained, tested
    drawn = rng.multinomial(before.size, np.full(before.size, 1 / before.size), size=(2, DRAWS)).astype(np.float64)
    forecast = predicted * (drawn[0] @ before) / (drawn[0] @ before_rows) / (before.sum() / before_rows.sum())
    actual = (drawn[1] @ after) / (drawn[1] @ after_rows)
    low, high = np.quantile(np.divide(forecast, actual, out=np.full(DRAWS, np.inf), where=actual > 0), [TAIL, 1 - TAIL])
    return float(low), float(high)


def split_half_reliability(odd: F8, even: F8) -> float:
    """Spearman's correlation of two halves, stepped up to the whole by Spearman and Brown's formula."""
    from scipy.stats import spearmanr  # half a second, for which a compute worker without logs does not wait

    if np.ptp(odd) == 0 or np.ptp(even) == 0:
        return float("nan")
    half = float(spearmanr(odd, even).statistic)
    return 2 * half / (1 + half) if half > 0 else 0.0
