"""Writes two made-up accounts of a shop, the second with six troubles planted, and the shop's own orders, to examples/.

    python -m scripts.make_examples

The same seed gives the same files. tests/documents/test_example_accounts.py works out what `audit` says of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

FIRST, DAYS, SEED = date(2026, 6, 1), 92, 20260601
HEADER = (
    "Day", "Campaign", "Ad group", "Experiment arm", "Budget", "Budget type", "Currency code", "Impr.", "Clicks",
    "Cost", "Conversions", "Conv. value",
)  # fmt: skip
ORDERS = ("id", "time", "value", "refund", "new_customer", "click_id")
WASTE = "lamp repair"  # the ad group that buys searches for another thing
SILENT = (date(2026, 7, 6), date(2026, 7, 11))
BROKE = date(2026, 7, 13)
OVERBILLED = date(2026, 6, 24)
EDITED = 8  # month in which a budget is edited every second day


@dataclass(frozen=True)
class Campaign:
    """What a campaign is made of, a day; money in whole euros."""

    name: str
    budget: int
    price: float  # of a click
    rate: float  # conversions per click
    shown: int  # impressions per click
    groups: tuple[str, str]
    arms: tuple[str, ...] = ("",)


CAMPAIGNS = (
    Campaign("Search lamps", 45, 0.60, 0.036, 14, ("desk lamps", "floor lamps")),
    Campaign("Search shades", 80, 0.50, 0.030, 16, ("paper shades", "glass shades")),
    Campaign("Shopping", 120, 0.40, 0.024, 30, ("lamps", "bulbs")),
    Campaign("Display", 30, 0.15, 0.008, 60, ("readers", "visitors"), ("control", "new")),
)
WEEK = (1.0, 1.02, 1.0, 0.98, 0.95, 1.08, 1.12)  # of a day's clicks, from Monday


def rows(*, troubled: bool) -> Iterator[tuple[str, ...]]:
    """The rows of an account, by day."""
    rng = np.random.default_rng(SEED)
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        for campaign in CAMPAIGNS:
            for group in (*campaign.groups, *((WASTE,) if troubled and campaign.name == "Search lamps" else ())):
                for arm in campaign.arms:
                    yield _row(rng, day, campaign, (group, arm), troubled=troubled)


def _row(
    rng: np.random.Generator, day: date, campaign: Campaign, part: tuple[str, str], *, troubled: bool
) -> tuple[str, ...]:
    group, arm = part
    split = (0.5, 0.3, 0.2) if troubled and campaign.name == "Search lamps" else (0.6, 0.4, 0.0)
    share = dict(zip((*campaign.groups, WASTE), split, strict=True))[group] / len(campaign.arms)
    usual = campaign.budget / campaign.price * 0.9 * share * WEEK[day.weekday()]
    clicks = int(rng.poisson(usual))
    arrived = 1 - np.exp(-(FIRST + timedelta(days=DAYS) - day).days / 2.0)  # conversions come within some days
    sold = int(rng.binomial(clicks, campaign.rate * arrived))
    shown = int(rng.poisson(usual * campaign.shown)) + clicks
    value = sum(int(each) for each in rng.integers(39, 160, sold))
    cost = round(clicks * campaign.price, 2)
    budget = campaign.budget
    if troubled:
        sold, shown, cost, budget = _troubled(day, campaign, part, (sold, shown, cost))
    return (
        day.isoformat(), campaign.name, group, arm, f"{budget:.2f}", "Daily", "EUR", str(shown), str(clicks),
        f"{cost:.2f}", f"{sold:.2f}", f"{value if sold else 0:.2f}",
    )  # fmt: skip


def _troubled(
    day: date, campaign: Campaign, part: tuple[str, str], counts: tuple[int, int, float]
) -> tuple[int, int, float, int]:
    """The same conversions, impressions, cost and budget, with what is wrong."""
    sold, shown, cost = counts
    budget = campaign.budget
    if part[0] == WASTE:
        sold = int(day.day == 9)
    if campaign.name == "Search lamps" and day.month == EDITED:
        budget = 40 if day.day // 2 % 2 else 50
    if campaign.name == "Search shades" and day >= BROKE:
        sold = sold // 2 if sold > 1 else 0
    if campaign.name == "Shopping" and SILENT[0] <= day <= SILENT[1]:
        sold = 0
    if campaign.name == "Shopping" and day == OVERBILLED:
        cost = 190.00 if part[0] == campaign.groups[0] else 95.50
    if campaign.name == "Display" and part[1] == "new":
        shown = round(shown * 0.88)
    return sold, shown, cost, budget


def text(*, troubled: bool) -> str:
    """The file of an account."""
    return _text(HEADER, rows(troubled=troubled))


def _text(header: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return out.getvalue()


def orders() -> Iterator[tuple[str, ...]]:
    """The healthy shop's own orders: one for each conversion, and half as many without an ad; some are given back."""
    rng = np.random.default_rng(SEED + 1)
    number = 1000
    for row in rows(troubled=False):
        sold = int(float(row[HEADER.index("Conversions")]))
        for click in (*[True] * sold, *[False] * int(rng.poisson(sold / 2))):
            number += 1
            value = f"{int(rng.integers(39, 160))}.00"
            seconds = int(rng.integers(86_400))
            at = f"{row[0]} {seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
            refund = value if rng.random() < 0.03 else "0.00"
            new, mark = str(int(rng.random() < 0.6)), f"Cj0KCQ{number}" if click else ""
            yield str(number), at, value, refund, new, mark


def orders_text() -> str:
    """The file of the orders."""
    return _text(ORDERS, orders())


def main() -> None:
    """Write all files."""
    folder = Path(__file__).parents[1] / "examples"
    files = {
        "shop.csv": text(troubled=False),
        "shop_troubled.csv": text(troubled=True),
        "shop_orders.csv": orders_text(),
    }
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
        print(f"wrote examples/{name}")


if __name__ == "__main__":
    main()
