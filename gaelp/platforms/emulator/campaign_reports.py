"""What the platform reports at an instant: late, incomplete, and never more than was known then.

Impressions, clicks and served cost are known when an hour ends; billed cost, conversions and revenue appear
`report_lag_us` later. Conversions and revenue belong to the day of the click. Touch this to change what a report leaves
out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import B1, I8
from gaelp.domain.platform_records import CampaignReport, CampaignState, CellReport, DayReport
from gaelp.domain.spending.campaign_clock import matured_after_days
from gaelp.platforms.emulator.closed_days import DaySums
from gaelp.platforms.emulator.delivery import (
    CELL,
    CLICKS,
    CONVERSIONS,
    CONVERTED,
    COST,
    IMPRESSIONS,
    VALUE,
    Campaign,
)
from gaelp.platforms.emulator.hidden_world import unreported
from gaelp.platforms.emulator.settings_timeline import DAY, HOUR, from_us
from gaelp.platforms.emulator.wire import Truth

KEPT_OPEN = 1  # days before the last one that is reported in full, for whoever asks again as of a little earlier


@dataclass(frozen=True)
class _Known:
    """A campaign's hours that are not closed, and all orders, with what is visible of them at an instant."""

    starts: I8  # [H] microseconds
    counts: I8  # [H, 4, S, K]
    totals: I8  # [H, 4]
    served: B1  # [H] the hour has ended
    billed: B1  # [H] its cost is reported
    order_day: I8  # [N] days since the epoch, of visible orders
    order_cell: I8  # [N]
    order_value: I8  # [N]


def knows(campaign: Campaign, at_us: int, report_lag_us: int) -> bool:
    """Whether the campaign in memory can report as of `at_us`: no day that it has closed was open then."""
    return at_us >= campaign.closed.until_us + report_lag_us


def report(campaign: Campaign, at_us: int, report_lag_us: int) -> CampaignReport:
    """The report as of `at_us`; asking again later for the same instant gives the same report."""
    known, closed = _known(campaign, at_us, report_lag_us), campaign.closed
    days = {*closed.days, *(known.starts[known.served] // DAY).tolist()}
    span = range(min(days), max(days) + 1) if days else range(0)
    lag_days, window_days = campaign.world.lag_days, campaign.world.window_days
    quantile = int(matured_after_days(lag_days, window_days) * DAY) + report_lag_us
    rows = (
        DaySums.unpacked(closed.days[day]) if day in closed.days else _day(known, day, at_us, report_lag_us)
        for day in span
    )
    return CampaignReport(
        platform_id=campaign.platform_id,
        at=from_us(at_us),
        days=tuple(_row(sums, known, day, at_us, quantile) for day, sums in zip(span, rows, strict=True)),
        cells=_cells(campaign, known),
    )


def close_days(campaign: Campaign, report_lag_us: int) -> None:
    """Close the days that ended long enough before the instant reached, whose hours no report will ask for."""
    until = max((campaign.reached - report_lag_us) // DAY * DAY - KEPT_OPEN * DAY, 0)
    old = [hour for hour in campaign.hours if hour.start_us < until]
    if not old:
        return
    closed, young = campaign.closed, campaign.hours[len(old) :]
    campaign.hours = old
    known = _known(campaign, campaign.reached, report_lag_us)
    for day in sorted({hour.start_us // DAY for hour in old}):
        closed.days[day] = _day(known, day, campaign.reached, report_lag_us).packed()
    orders = [np.vstack([hour.orders, np.full(hour.orders.shape[1], hour.start_us // DAY)]) for hour in old]
    closed.orders = np.concatenate([closed.orders, *orders], axis=1)
    summed = known.counts.sum(axis=0)
    closed.counts = closed.counts + summed if closed.hours else summed
    closed.hours += len(old)
    closed.until_us, campaign.hours = until, young
    campaign.timeline.forget_before(campaign.cursor)


def state(campaign: Campaign) -> CampaignState:
    """The campaign as last written."""
    settings = campaign.timeline.latest
    return CampaignState(
        platform_id=campaign.platform_id,
        external_name=campaign.external_name,
        account=campaign.account,
        enabled=settings.enabled,
        daily_budget_micros=settings.daily_budget_micros,
        end_at=from_us(settings.end_us),
        bid_micros=settings.bid_micros,
        creative_prob=settings.creative_prob,
        content_digest=campaign.content_digest,
    )


def truth(campaign: Campaign) -> Truth:
    """What really happened, for tests and the demo: no product code may read it."""
    totals = sum((hour.counts.sum(axis=(1, 2)) for hour in campaign.hours), campaign.closed.counts.sum(axis=(1, 2)))
    return Truth(
        state=state(campaign),
        reached=from_us(campaign.reached),
        hours=campaign.closed.hours + len(campaign.hours),
        impressions=int(totals[IMPRESSIONS]),
        clicks=int(totals[CLICKS]),
        conversions=int(totals[CONVERSIONS]),
        cost_micros=int(totals[COST]),
        highest_day_micros=max((cost for (span, _), cost in campaign.spent.items() if span == "day"), default=0),
        writes=len(campaign.timeline),
    )


def _known(campaign: Campaign, at_us: int, lag_us: int) -> _Known:
    hours, shape = campaign.hours, campaign.world.ctr.shape
    starts = np.array([hour.start_us for hour in hours], dtype=np.int64)
    counts = np.stack([hour.counts for hour in hours]) if hours else np.zeros((0, 4, *shape), dtype=np.int64)
    orders = np.concatenate([campaign.closed.orders[:3], *(hour.orders for hour in hours)], axis=1)
    clicked = np.repeat(starts, [hour.orders.shape[1] for hour in hours]) if hours else starts
    day = np.concatenate([campaign.closed.orders[3], clicked // DAY])
    visible = (orders[CONVERTED] + lag_us <= at_us) & ~unreported(campaign.changes, orders[CONVERTED] // DAY)
    return _Known(
        starts=starts,
        counts=counts,
        totals=counts.sum(axis=(2, 3)),
        served=starts + HOUR <= at_us,
        billed=starts + HOUR + lag_us <= at_us,
        order_day=day[visible],
        order_cell=orders[CELL][visible],
        order_value=orders[VALUE][visible],
    )


def _day(known: _Known, day: int, at_us: int, lag_us: int) -> DaySums:
    today = known.starts // DAY == day
    served, billed = today & known.served, today & known.billed
    cost = known.totals[:, COST]
    hourly = np.zeros(24, dtype=np.int64)
    np.add.at(hourly, known.starts[billed] % DAY // HOUR, cost[billed])
    totals = known.totals[served].sum(axis=0)
    return DaySums(
        impressions=int(totals[IMPRESSIONS]),
        clicks=int(totals[CLICKS]),
        cost_micros=int(cost[billed].sum()),
        served_micros=int(totals[COST]),
        final=(day + 1) * DAY + lag_us <= at_us,
        delivered_until_us=int(known.starts[served].max(initial=day * DAY)) + HOUR,
        hourly_cost_micros=tuple(hourly.tolist()),
    )


def _row(sums: DaySums, known: _Known, day: int, at_us: int, quantile_us: int) -> DayReport:
    """The day's row with the orders that are visible, and whether more may come."""
    orders = known.order_day == day
    return DayReport(
        day=from_us(day * DAY).date(),
        impressions=sums.impressions,
        clicks=sums.clicks,
        conversions=float(orders.sum()),
        cost_micros=sums.cost_micros,
        served_micros=sums.served_micros,
        revenue_micros=int(known.order_value[orders].sum()),
        final=sums.final,
        matured=(day + 1) * DAY <= at_us and sums.delivered_until_us + quantile_us <= at_us,
        hourly_cost_micros=sums.hourly_cost_micros,
    )


def _cells(campaign: Campaign, known: _Known) -> CellReport:
    shape, closed = campaign.world.ctr.shape, campaign.closed
    before = closed.counts if closed.hours else np.zeros((4, *shape), np.int64)
    served = before + known.counts[known.served].sum(axis=0)
    cost = before[COST] + known.counts[known.billed, COST].sum(axis=0)
    conversions = np.bincount(known.order_cell, minlength=math.prod(shape)).reshape(shape)
    return CellReport(
        impressions=_rows(served[IMPRESSIONS]),
        clicks=_rows(served[CLICKS]),
        conversions=_rows(conversions),
        cost_micros=_rows(cost),
    )


def _rows(table: I8) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in table.tolist())
