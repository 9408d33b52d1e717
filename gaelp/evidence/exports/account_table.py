"""An account's export as arrays over campaigns and days. Touch this when a finding needs another column as an array."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from gaelp.arrays import B1, F8
from gaelp.domain.exports.account_export import AccountExport, CampaignDay
from gaelp.domain.exports.findings import whole_units
from gaelp.evidence.exports.noisy_counts import Noise, noise_of, weekday_weights

PARTS = ("search_term", "ad_group", "placement")  # from the finest


@dataclass(frozen=True)
class AccountTable:
    """Sums by campaign and day, f8[C, D]; cost in whole units; a day without a row has zeros."""

    export: AccountExport
    campaigns: tuple[str, ...]
    first: date
    clicks: F8
    conversions: F8
    cost: F8
    mature: B1  # [D]
    weights: F8  # [D], of a click by its weekday

    @property
    def days(self) -> int:
        """How many days the window has."""
        return len(self.weights)

    def day(self, number: int) -> date:
        """The day of that number."""
        return self.first + timedelta(days=number)

    def chosen(self, rows: list[int], silent: B1 | None = None) -> tuple[F8, F8]:
        """Conversions of some campaigns by day, and how many their clicks should bring, f8[D]; zeros on days left out.

        A campaign's click counts by its own rate of all these days, and by its weekday, so that the mix of campaigns
        moves nothing.
        """
        kept = np.ones(self.clicks.shape, bool) if silent is None else ~silent
        kept = kept[rows] * self.mature
        conversions, clicks = self.conversions[rows] * kept, self.clicks[rows] * kept * self.weights
        rates = conversions.sum(1) / np.maximum(clicks.sum(1), 1)
        return conversions.sum(0), rates @ clicks

    def noise(self, rows: list[int], silent: B1 | None = None) -> Noise:
        """How noisy the mature days of some campaigns together are."""
        return noise_of(*self.chosen(rows, silent))

    def series(self) -> Iterator[tuple[str, list[int]]]:
        """Each campaign, and all of them together (named '') where there are several."""
        for number, campaign in enumerate(self.campaigns):
            yield campaign, [number]
        if len(self.campaigns) > 1:
            yield "", list(range(len(self.campaigns)))

    def mature_rows(self, silent: B1 | None = None) -> Iterator[CampaignDay]:
        """The export's rows on mature days on which the tag was not silent."""
        number = {campaign: at for at, campaign in enumerate(self.campaigns)}
        for row in self.export.rows:
            day = (row.day - self.first).days
            if self.mature[day] and (silent is None or not silent[number[row.campaign], day]):
                yield row


def account_table(export: AccountExport, young_days: int) -> AccountTable:
    """The arrays of an export; its last `young_days` days are not mature."""
    campaigns, first = export.campaigns, export.first_day
    number = {campaign: at for at, campaign in enumerate(campaigns)}
    days = (export.last_day - first).days + 1

    def summed(value: Callable[[CampaignDay], float]) -> F8:
        sums = np.zeros((len(campaigns), days))
        for row in export.rows:
            sums[number[row.campaign], (row.day - first).days] += value(row)
        return sums

    clicks, conversions = summed(lambda row: row.clicks), summed(lambda row: float(row.conversions or 0))
    mature = np.arange(days) < days - young_days
    weekdays = (np.arange(days) + first.weekday()) % 7
    return AccountTable(
        export=export,
        campaigns=campaigns,
        first=first,
        clicks=clicks,
        conversions=conversions,
        cost=summed(lambda row: whole_units(row.cost_micros or 0)),
        mature=mature,
        weights=weekday_weights(conversions, clicks, weekdays, mature),
    )


def finest_part(export: AccountExport) -> str:
    """The finest column that tells parts of a campaign apart; empty where there is none."""
    return next((name for name in PARTS if name in export.columns), "")
