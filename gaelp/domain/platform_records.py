"""Campaigns as an ad platform is given them and reports them. Touch this when every platform can say one more thing."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from gaelp.domain.frozen import Frozen

MOST_REPORTED = 2**52
"""Whatever a platform reports beyond it counts as so much. No day is reserved as high (the ledger's reservation rules),
so that it is always more than was reserved; and sums over the days of a portfolio stay within 64 bits, which databases,
search attributes and arrays hold."""

Reported = Annotated[int, AfterValidator(lambda value: min(max(value, 0), MOST_REPORTED))]
"""A count or an amount as reported: neither below nothing nor beyond what can be kept."""
ReportedConversions = Annotated[
    float,
    Field(allow_inf_nan=False),
    AfterValidator(lambda value: min(max(value, 0.0), float(MOST_REPORTED))),
]
"""The same of conversions, which need be no whole number: platforms divide one among the ads that led to it."""
ReportedRevenue = Annotated[int, AfterValidator(lambda value: min(max(value, -MOST_REPORTED), MOST_REPORTED))]
"""The same where corrections may outweigh it."""


class Creative(Frozen):
    """An ad that policy has checked."""

    id: str
    headline: str
    body: str = ""


class CampaignSpec(Frozen):
    """What a platform is asked to create, paused. `external_name` is deterministic: it is the idempotency key."""

    external_name: str
    account: str
    product: str
    daily_budget_micros: int
    end_at: datetime  # the lease
    segments: int
    creatives: tuple[Creative, ...]
    bid_micros: tuple[int, ...]  # [S], per thousand impressions; 0 = off
    creative_prob: tuple[tuple[float, ...], ...]  # [S][K]


class CampaignState(Frozen):
    """A campaign as the platform reads it back."""

    platform_id: str
    external_name: str
    account: str
    enabled: bool
    daily_budget_micros: Reported
    end_at: datetime
    bid_micros: tuple[int, ...]
    creative_prob: tuple[tuple[float, ...], ...]
    content_digest: str  # of the product and the ads that are there now, as an approval binds it


class DayReport(Frozen):
    """A click-day of one campaign, as reported at some instant; conversions and revenue belong to the click's day."""

    day: date
    impressions: Reported
    clicks: Reported
    conversions: ReportedConversions
    cost_micros: Reported  # billed so far
    served_micros: Reported  # served so far: may run ahead of billed
    revenue_micros: ReportedRevenue  # attributed, before margin
    final: bool  # the platform will not change cost any more
    matured: bool  # age of the day's last click has reached the 90 % lag quantile
    hourly_cost_micros: tuple[Reported, ...] = ()  # [24]

    def at_booked_cost(self, booked_micros: int) -> DayReport:
        """The same at the cost that the ledger knows, where that is more: what a gate and a report count."""
        return self.model_copy(update={"cost_micros": max(self.cost_micros, booked_micros)})


class CellReport(Frozen):
    """Counts per segment and creative since the campaign began, for the agent's observation."""

    impressions: tuple[tuple[int, ...], ...]  # [S][K]
    clicks: tuple[tuple[int, ...], ...]
    conversions: tuple[tuple[ReportedConversions, ...], ...]
    cost_micros: tuple[tuple[int, ...], ...]


class CampaignReport(Frozen):
    """All that a platform reports of one campaign at `at`."""

    platform_id: str
    at: datetime
    days: tuple[DayReport, ...]
    cells: CellReport
    disapproved: tuple[str, ...] = ()  # creative ids
    payment_failed: bool | None = None  # the account cannot be charged; None: the platform does not say
