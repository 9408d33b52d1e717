"""How a campaign spends its hours: pacing, over-delivery, auctions, orders.

What a day and a month may bill is the emulator's rule in gaelp/domain/billing/billing_rules.py, which is Google's, by
days and months of UTC. Touch this to change what a platform does with a budget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from gaelp.arrays import F8, I8
from gaelp.domain.billing.billing_rules import limit_after_edit, period_limit
from gaelp.market.auctions.aggregate_auctions import Slot, aggregate, prices_of, traffic
from gaelp.market.auctions.cost_draws import PriceMoments
from gaelp.market.auctions.price_curves import PriceCurves
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.market.world.orders import attributed_lag_days
from gaelp.platforms.emulator.closed_days import ClosedDays
from gaelp.platforms.emulator.hidden_world import (
    PlannedChange,
    changed,
    planned_pace,
    with_conversions,
    with_traffic,
)
from gaelp.platforms.emulator.settings_timeline import DAY, HOUR, Piece, Timeline, from_us

PLATFORM = "emulator"  # in the billing rules
OVERDELIVERING_DAYS = 0.25  # share of days on which the platform bills more than the budget
ORDER_SPREAD = 0.5  # log standard deviation of an order's value
KEPT_DAYS = 1024  # of all campaigns, so that the hours of a day draw what they share once
HOUR_BYTES = 500  # of an hour beside its numbers: three objects
IMPRESSIONS, CLICKS, CONVERSIONS, COST = range(4)
CELL, CONVERTED, VALUE = range(3)
PLAIN_PRICES = np.ones(1)  # of one campaign: its world's own


@dataclass(frozen=True)
class Hour:
    """What happened in one hour, whether reported yet or not."""

    start_us: int
    counts: I8  # [4, S, K] impressions, clicks, conversions, cost in micros
    orders: I8  # [3, N] cell (s * K + k), instant of conversion in microseconds, value in micros

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return self.counts.nbytes + self.orders.nbytes + HOUR_BYTES


@dataclass
class Campaign:
    """A campaign as the server keeps it. `reached` never goes back; hours before `cursor` are served.

    `hours` are those of the days that are not closed.
    """

    platform_id: str
    account: str
    external_name: str
    content_digest: str
    created_us: int
    world: MarketParameters  # hidden shift and product included
    timeline: Timeline
    changes: tuple[PlannedChange, ...]
    reached: int
    cursor: int
    hours: list[Hour] = field(default_factory=list)
    closed: ClosedDays = field(default_factory=ClosedDays)
    spent: Counter[tuple[str, int]] = field(default_factory=Counter)  # ("day", n), ("month", yyyymm), ("edit", n)
    priced: tuple[tuple[int, ...], dict[int, PriceMoments]] | None = None  # of the bids in force last, by hour

    @cached_property
    def curves(self) -> tuple[PriceCurves, ...]:
        """The prices of its world by hour of the day, or one for all hours."""
        return PriceCurves.by_hour(self.world) or (PriceCurves.of(self.world),)

    def prices(self, bid_micros: tuple[int, ...], hour: int) -> tuple[PriceCurves, PriceMoments]:
        """The prices of an hour of the day in its world, and what bids [S] win and pay of them."""
        at = hour % len(self.curves)
        if self.priced is None or self.priced[0] != bid_micros:
            self.priced = bid_micros, {}
        found = self.priced[1]
        if at not in found:
            found[at] = prices_of(self.curves[at], np.array([bid_micros], np.int64), PLAIN_PRICES)
        return self.curves[at], found[at]

    @property
    def entity(self) -> str:
        """What the random streams are keyed by: the name without its first part, so that a run that is repeated

        under another name (RUN/PHASE/campaign-NN) meets the same traffic and the same luck.
        """
        return self.external_name.partition("/")[2] or self.external_name

    @property
    def size(self) -> int:
        """About how many bytes of memory its history takes."""
        return self.closed.size + sum(hour.size for hour in self.hours)

    def record(self, hour: Hour) -> None:
        """Add a served hour to the campaign's history and its budgets."""
        cost = int(hour.counts[COST].sum())
        self.hours.append(hour)
        self.spent["day", hour.start_us // DAY] += cost
        self.spent["month", _month(hour.start_us)] += cost
        # What an hour cost before a change within it counts after it as well, so that no limit is passed.
        if edit := self.timeline.budget_edit(hour.start_us + HOUR - 1):
            self.spent["edit", edit.number] += cost


@dataclass(frozen=True)
class Delivery:
    """Serves hours: a pure function of seed, campaign name, hour and the settings in force."""

    seed: int
    overdelivery: float = 2.0

    def advance(self, campaign: Campaign, until_us: int) -> list[Hour]:
        """Serve every whole hour up to `until_us` and return those that had delivery."""
        served = []
        for start, pieces in _active_hours(campaign, until_us):
            hour = self._hour(campaign, start, pieces)
            campaign.record(hour)
            served.append(hour)
        campaign.reached = max(campaign.reached, until_us)
        return served

    @lru_cache(maxsize=KEPT_DAYS)  # noqa: B019 - a server has one, for as long as it lives
    def day_factor(self, name: str, day: int) -> float:
        """Share of the budget that the platform may bill on a day: 1 on most, up to `overdelivery` on some."""
        rng = stream(self.seed, "over-delivery", name, day)
        if rng.random() >= OVERDELIVERING_DAYS:
            return 1.0
        return float(1.0 + (self.overdelivery - 1.0) * np.sqrt(rng.random()))

    def _hour(self, campaign: Campaign, start: int, pieces: list[Piece]) -> Hour:
        counts = np.zeros((4, *campaign.world.ctr.shape), dtype=np.int64)
        shock = self._shock(campaign.account, start // DAY, campaign.world.day_shock)
        for index, piece in enumerate(pieces):
            left = self._allowance(campaign, piece, start, int(counts[COST].sum()))
            if left > 0:
                counts += self._piece(campaign, piece, start, index, left, shock)
        return Hour(start, counts, self._orders(campaign, start, counts[CONVERSIONS]))

    def _piece(self, campaign: Campaign, piece: Piece, start: int, index: int, left: int, shock: float) -> I8:
        key = (campaign.entity, start // HOUR, index)
        settings, moment, fraction = piece.settings, from_us(start), (piece.end_us - piece.start_us) / HOUR
        world = changed(campaign.world, campaign.changes, moment.date())
        world = with_traffic(with_conversions(world, settings.conversion_factor), fraction)
        auctions = traffic(
            world,
            hour=np.array([moment.hour]),
            weekday=np.array([moment.weekday()]),
            shock=np.array([shock]),
            world=stream(self.seed, "traffic", *key),
        )
        slot = Slot(
            auctions=auctions[:, None],
            bid_micros=np.array([settings.bid_micros], dtype=np.int64),
            creative_prob=np.array([settings.creative_prob], dtype=np.float64),
            budget_micros=np.array([left], dtype=np.int64),
            ctr=world.ctr[None],
            cvr=world.cvr[None],
            price_level=PLAIN_PRICES,
        )
        response = stream(self.seed, "response", *key)
        curves, prices = campaign.prices(settings.bid_micros, moment.hour)
        result = aggregate(curves, slot, response, prices)
        return np.stack([result.wins[0], result.clicks[0], result.conversions[0], result.cost_micros[0]])

    def _allowance(self, campaign: Campaign, piece: Piece, start: int, this_hour: int) -> int:
        """Micros that may go in a piece: what the day and the month have left, paced by the rest of the day's traffic.

        On an over-delivering day the platform aims at the highest budget of the day, even after a cut.
        """
        day, line = start // DAY, campaign.timeline
        planned = min(planned_pace(campaign.changes, from_us(start).date()), self.overdelivery)
        factor = max(self.day_factor(campaign.entity, day), planned)
        highest = line.highest_budget(day * DAY, piece.start_us)
        aim = int(factor * highest) if factor > 1.0 else piece.settings.daily_budget_micros
        left_day = aim - campaign.spent["day", day] - this_hour
        left_month = _month_left(campaign, piece, start) - this_hour
        share = _share_of_rest(campaign.world.hourly, piece, start)
        return max(0, min(int(left_day * share), left_month))

    @lru_cache(maxsize=KEPT_DAYS)  # noqa: B019 - as above
    def _shock(self, account: str, day: int, spread: float) -> float:
        """The day's traffic against its mean, common to an account: lognormal with mean 1."""
        rng = stream(self.seed, "day-shock", account, day)
        return float(np.exp(spread * rng.standard_normal() - spread**2 / 2))

    def _orders(self, campaign: Campaign, start: int, conversions: I8) -> I8:
        """Each conversion's cell, instant (click within the hour plus a lag within the window) and noisy value."""
        if (
            not conversions.any()
        ):  # as in most hours: the draws would be none, and their stream is used for nothing else
            return np.zeros((3, 0), np.int64)
        rng = stream(self.seed, "orders", campaign.entity, start // HOUR)
        cells = np.repeat(np.arange(conversions.size), conversions.ravel())
        clicked = start + rng.random(cells.size) * HOUR
        world = campaign.world
        lag = attributed_lag_days(rng.random(cells.size), world.lag_days, world.window_days) * DAY
        noise = np.exp(ORDER_SPREAD * rng.standard_normal(cells.size) - ORDER_SPREAD**2 / 2)
        value = world.order_value_micros * noise
        return np.stack([cells, (clicked + lag).astype(np.int64), np.rint(value).astype(np.int64)]).astype(np.int64)


def _active_hours(campaign: Campaign, until_us: int) -> Iterator[tuple[int, list[Piece]]]:
    """Whole hours with delivery; moves the cursor. Idle stretches are jumped over, however long."""
    while campaign.cursor + HOUR <= until_us:
        start, line = campaign.cursor, campaign.timeline
        pieces = line.pieces(start, start + HOUR)
        if pieces:
            campaign.cursor = start + HOUR
            yield start, pieces
            continue
        change = line.next_change(start + HOUR)
        resume = until_us if change is None else min(change, until_us)
        campaign.cursor = max(start + HOUR, resume // HOUR * HOUR)


def _month_left(campaign: Campaign, piece: Piece, start: int) -> int:
    """Micros that the month may still bill; another month begins without the changes of the last one."""
    edit, month_start = campaign.timeline.budget_edit(piece.start_us), _month_start(start)
    if edit is not None and edit.at_us >= month_start:
        limit = limit_after_edit(PLATFORM, edit.daily_budget_micros, from_us(edit.at_us).date())
        return int(limit or 0) - campaign.spent["edit", edit.number]
    limit = period_limit(PLATFORM, campaign.timeline.budget_at(month_start))
    return int(limit) - campaign.spent["month", _month(start)]


def _share_of_rest(hourly: F8, piece: Piece, start: int) -> float:
    """This piece's part of the traffic still to come today."""
    hour = start % DAY // HOUR
    first = from_us(start).weekday() * 24
    now = float(hourly[first + hour])
    rest = now * (start + HOUR - piece.start_us) / HOUR + float(hourly[first + hour + 1 : first + 24].sum())
    return now * (piece.end_us - piece.start_us) / HOUR / rest if rest > 0 else 0.0


def _month(us: int) -> int:
    moment = from_us(us)
    return moment.year * 100 + moment.month


def _month_start(us: int) -> int:
    return us // DAY * DAY - (from_us(us).day - 1) * DAY
