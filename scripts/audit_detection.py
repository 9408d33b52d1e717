"""How often `audit` finds a trouble of a stated size, planted in simulated accounts that have nothing else wrong.

    python -m scripts.audit_detection --accounts 200 --seed 7

docs/audit.md prints what it says; scripts/audit_false_alarms.py counts what is reported where nothing is planted.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np

from gaelp.domain.exports.account_export import CampaignDay
from gaelp.domain.exports.findings import AuditQuestion, FindingKind
from gaelp.evidence.betting import clopper_pearson
from gaelp.evidence.exports.account_audit import audit
from gaelp.evidence.exports.simulated_accounts import BRAND, TARGET, CleanAccount, clean_account
from gaelp.money import MICROS_PER_UNIT

YOUNG = 14  # days, as `audit` takes where nothing is said


@dataclass(frozen=True)
class Place:
    """Where a trouble is planted: the campaign with the most clicks, from the middle of the window on."""

    campaign: str
    middle: date
    rng: np.random.Generator

    def times(self, row: CampaignDay, factor: float) -> CampaignDay:
        """The row with its conversions thinned, or with more of them by chance."""
        count = int(row.conversions or 0)
        some = self.rng.binomial(count, factor) if factor < 1 else count + self.rng.poisson(count * (factor - 1))
        return replace(row, conversions=Decimal(int(some)))

    def after(self, row: CampaignDay, days: float = np.inf) -> bool:
        """Whether it is of that campaign, and of so many days from the middle on."""
        return row.campaign == self.campaign and 0 <= (row.day - self.middle).days < days


Planted = Callable[[CampaignDay, Place, float], CampaignDay]


def _wasted(row: CampaignDay, place: Place, size: float) -> CampaignDay:
    mine = row.campaign == place.campaign and (row.search_term or "").endswith((".0", BRAND + " shop"))
    return place.times(row, 1 / size) if mine else row


def _overbilled(row: CampaignDay, place: Place, size: float) -> CampaignDay:
    """The whole of a day on its first row, the others of the day free of charge."""
    if not place.after(row, 1):
        return row
    first = (row.search_term or "").endswith((".0", BRAND + " shop")) and row.arm != "new"
    return replace(row, cost_micros=round(2 * (row.budget_micros or 0) * (1 + size)) if first else 0)


def _edited(row: CampaignDay, place: Place, size: float) -> CampaignDay:
    odd = place.after(row) and (row.day - place.middle).days // int(size) % 2
    return replace(row, budget_micros=round((row.budget_micros or 0) * 1.1)) if odd else row


def _silent(row: CampaignDay, place: Place, size: float) -> CampaignDay:
    return replace(row, conversions=Decimal(0)) if place.after(row, size) else row


def _broke(row: CampaignDay, place: Place, size: float) -> CampaignDay:
    return place.times(row, 1 - size) if place.after(row) else row


def _twice(row: CampaignDay, place: Place, size: float) -> CampaignDay:
    return replace(row, conversions=(row.conversions or Decimal(0)) * int(size)) if place.after(row) else row


def _turned(row: CampaignDay, place: Place, size: float) -> CampaignDay:
    """In every campaign the first term converts eight times as often as the others.

    From the middle on the others have a tenth of their clicks and all rates fall by 30 %, so that the average rises.
    """
    first, later = (row.search_term or "").endswith((".0", BRAND + " shop")), row.day >= place.middle
    times = 0.1 if later and not first else 1.0
    fewer = replace(
        row,
        impressions=round(row.impressions * times),
        clicks=round(row.clicks * times),
        cost_micros=round((row.cost_micros or 0) * times),
    )
    return place.times(fewer, times * (1 if first else 1 / 8) * (0.7 if later else 1))


def _uneven(row: CampaignDay, place: Place, size: float) -> CampaignDay:
    fewer = row.arm == "new"
    return replace(row, impressions=round(row.impressions * (1 - size))) if fewer else row


def _brand(row: CampaignDay, place: Place, size: float) -> CampaignDay:
    mine = row.campaign != "campaign 1" and (row.search_term or "").endswith(".0")
    return place.times(replace(row, search_term=f"{BRAND} lamp"), size) if mine else row


def _same(row: CampaignDay, place: Place, size: float) -> CampaignDay:
    return row


TROUBLES: dict[FindingKind, tuple[str, tuple[float, ...], Planted]] = {
    FindingKind.WASTED: ("a search term costs so many times as much per conversion", (3, 5, 10), _wasted),
    FindingKind.OVERBILLED: ("one day is billed above its limit by", (0.02, 0.1), _overbilled),
    FindingKind.EDITED: ("a budget goes up and down by 10 % every so many days", (7, 2, 1), _edited),
    FindingKind.SILENT: ("a campaign's tag is silent for so many days", (3, 5, 7, 10), _silent),
    FindingKind.BROKE: ("a campaign's conversions per click fall by", (0.3, 0.5, 0.7), _broke),
    FindingKind.TWICE: ("each conversion is counted so many times", (2,), _twice),
    FindingKind.MIXED: ("rates fall by 30 % and clicks go to the high ones; all clicks times", (1, 10, 100), _turned),
    FindingKind.UNEVEN: ("an arm has fewer impressions by", (0.02, 0.05, 0.1), _uneven),
    FindingKind.BRAND: ("brand terms convert so many times as often", (3, 5, 10), _brand),
    FindingKind.CLAIMED: ("own orders that the ads brought are fewer than claimed by", (0.2, 0.33, 0.5), _same),
}


def planted(account: CleanAccount, kind: FindingKind, size: float, rng: np.random.Generator) -> AuditQuestion:
    """The question about an account with one trouble."""
    rows = account.export.rows
    clicks: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        clicks[row.campaign] += row.clicks
    first, last = account.export.first_day, account.export.last_day
    place = Place(max(clicks, key=lambda name: clicks[name]), first + timedelta(days=(last - first).days // 2), rng)
    export = replace(account.export, rows=tuple(TROUBLES[kind][2](row, place, size) for row in rows))
    orders = account.orders
    if kind is FindingKind.CLAIMED:
        orders = tuple(each for each in orders if not each.paid or rng.random() >= size)
    elif kind in (FindingKind.TWICE, FindingKind.BRAND, FindingKind.MIXED):
        orders = ()  # they would show it from another side
    return AuditQuestion(export, YOUNG, round(TARGET * MICROS_PER_UNIT), (BRAND,), orders=orders or None)


def found(accounts: int, seed: int, only: FindingKind | None = None) -> Counter[tuple[FindingKind, float]]:
    """In how many accounts a planted trouble of each kind and size is reported."""
    counts: Counter[tuple[FindingKind, float]] = Counter()
    for number in range(accounts):
        usual = clean_account(np.random.default_rng([seed, number]))
        for kind, (_, sizes, _) in TROUBLES.items():
            for size in sizes if only in (None, kind) else ():
                busier = kind is FindingKind.MIXED and size > 1
                account = clean_account(np.random.default_rng([seed, number]), size) if busier else usual
                question = planted(account, kind, size, np.random.default_rng([seed, number, round(100 * size)]))
                counts[kind, size] += kind in {each.kind for each in audit(question).findings}
    return counts


def volume(accounts: int, seed: int) -> tuple[float, float]:
    """The clicks and the conversions a day of the median campaign of these accounts."""
    sums: defaultdict[tuple[int, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for number in range(accounts):
        export = clean_account(np.random.default_rng([seed, number])).export
        days = (export.last_day - export.first_day).days + 1
        for row in export.rows:
            sums[number, row.campaign][0] += row.clicks / days
            sums[number, row.campaign][1] += float(row.conversions or 0) / days
    clicks, conversions = np.median(list(sums.values()), axis=0)
    return float(clicks), float(conversions)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    counts = found(arguments.accounts, arguments.seed)
    print(f"{'finding':26} {'planted':66} {'size':>5}  found  95 % interval")
    for kind, (what, sizes, _) in TROUBLES.items():
        for size in sizes:
            low, high = clopper_pearson(counts[kind, size], arguments.accounts, 0.025)
            shown = f"{size:.0%}" if size < 1 else f"{size:g}"
            share = counts[kind, size] / arguments.accounts
            print(f"{kind:26} {what:66} {shown:>5}  {share:4.0%}   {low:.0%} to {high:.0%}")
    clicks, conversions = volume(arguments.accounts, arguments.seed)
    print(f"The median campaign has {clicks:.0f} clicks and {conversions:.1f} conversions a day.")


if __name__ == "__main__":
    main()
