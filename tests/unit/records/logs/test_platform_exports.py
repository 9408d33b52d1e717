"""Exports as people download them, each of the same 60 days: what was planted in them comes out to the cent."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from gaelp.records.logs.ingestion import IngestReport, LogSource, look


class Day(NamedTuple):
    """A campaign's day."""

    day: date
    campaign: str
    impressions: int
    clicks: int
    cost: float
    conversions: int
    value: float


def days() -> list[Day]:
    """Two campaigns over 60 days; one is so small that many days have no click."""
    rng, found = np.random.default_rng(5), []
    for offset in range(60):
        for campaign, shown, rate in (("Brand | Search", 1400, 0.09), ("Läufer – kalt", 40, 0.02)):
            impressions = int(rng.poisson(shown))
            clicks = int(rng.binomial(impressions, rate))
            conversions = int(rng.binomial(clicks, 0.05))
            day = date(2026, 6, 1) + timedelta(days=offset)
            found.append(
                Day(day, campaign, impressions, clicks, round(clicks * 0.731, 2), conversions, conversions * 61.5)
            )
    return found


DAYS = days()
SUMS = [sum(each[place] for each in DAYS) for place in range(2, 7)]


def table(rows: Sequence[Sequence[object]], delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """Lines as a platform writes them."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode(encoding)


def german(number: float, decimals: int = 2) -> str:
    """1.234,56."""
    return f"{number:,.{decimals}f}".translate(str.maketrans(",.", ".,"))


def google_tabs() -> bytes:
    """Excel .csv of Google Ads: UTF-16, tabs, a title, shares in words, and a total for each part of the account."""
    head = ["Campaign status", "Campaign", "Day", "Currency code", "Impr.", "Clicks", "CTR", "Cost", "Conversions",
            "Conv. value", "Search impr. share"]  # fmt: skip
    rows = [["Enabled", d.campaign, d.day, "USD", f"{d.impressions:,}", d.clicks, "4.1%", f"{d.cost:,.2f}",
             f"{d.conversions:.2f}", f"{d.value:,.2f}", "< 10%"] for d in DAYS]  # fmt: skip
    totals = [
        [f"Total: {part}", " --", " --", "USD", *SUMS[:2], "4%", *SUMS[2:], " --"] for part in ("Account", "Search")
    ]
    return table([["Campaign performance"], ["June 1, 2026 - July 30, 2026"], head, *rows, *totals], "\t", "utf-16")


def google_german() -> bytes:
    """A German interface: semicolons, decimal commas, days as 01.06.2026."""
    head = [
        "Tag",
        "Kampagnenstatus",
        "Kampagne",
        "Währungscode",
        "Impr.",
        "Klicks",
        "Kosten",
        "Conversions",
        "Conv.-Wert",
    ]
    rows = [[f"{d.day:%d.%m.%Y}", "Aktiviert", d.campaign, "USD", german(d.impressions, 0), german(d.clicks, 0),
             german(d.cost), german(d.conversions), german(d.value)] for d in DAYS]  # fmt: skip
    return table([["Kampagnenbericht"], ["1. Juni 2026 - 30. Juli 2026"], head, *rows,
                  ["Gesamt: Konto", " --", " --", "USD", *map(german, SUMS)]], ";", "utf-8-sig")  # fmt: skip


def api(*names: str) -> Callable[[], bytes]:
    """Rows of Google Ads' API, under the names that one of its clients gives the fields."""
    rows = [[d.day, 20_000_000_001 + len(d.campaign), d.campaign, "USD", d.impressions, d.clicks, round(d.cost * 1e6),
             float(d.conversions), d.value] for d in DAYS]  # fmt: skip
    return lambda: table([names, *rows])


def meta() -> bytes:
    """Meta with its summary row on top, and nothing in a cell where nothing was counted."""
    head = ["Campaign name", "Day", "Delivery", "Amount spent (USD)", "Impressions", "Link clicks", "Purchases",
            "Purchases conversion value", "Reporting starts", "Reporting ends"]  # fmt: skip
    rows = [[d.campaign, d.day, "active", d.cost, d.impressions, d.clicks or "", d.conversions or "", d.value or "",
             d.day, d.day] for d in DAYS]  # fmt: skip
    return table([head, ["", "", "", SUMS[2], SUMS[0], SUMS[1], *SUMS[3:], "2026-06-01", "2026-07-30"], *rows])


def meta_german() -> bytes:
    """The same by a German interface."""
    head = ["Kampagnenname", "Tag", "Auslieferung", "Ausgegebener Betrag (USD)", "Impressionen", "Link-Klicks", "Käufe",
            "Conversion-Wert für Käufe", "Berichtsstart", "Berichtsende"]  # fmt: skip
    rows = [[d.campaign, d.day, "active", german(d.cost), d.impressions, d.clicks or "", d.conversions or "",
             german(d.value) if d.value else "", d.day, d.day] for d in DAYS]  # fmt: skip
    return table([head, *rows], ";")


EXPORTS = {
    "google-tabs": google_tabs,
    "google-german": google_german,
    "api-gaql": api(
        "segments.date", "campaign.id", "campaign.name", "customer.currency_code", "metrics.impressions",
        "metrics.clicks", "metrics.cost_micros", "metrics.conversions", "metrics.conversions_value",
    ),
    "api-json": api(
        "segments.date", "campaign.id", "campaign.name", "customer.currencyCode", "metrics.impressions",
        "metrics.clicks", "metrics.costMicros", "metrics.conversions", "metrics.conversionsValue",
    ),
    "api-bigquery": api(
        "segments_date", "campaign_id", "campaign_name", "customer_currency_code", "metrics_impressions",
        "metrics_clicks", "metrics_cost_micros", "metrics_conversions", "metrics_conversions_value",
    ),
    "meta": meta,
    "meta-german": meta_german,
}  # fmt: skip


def looked(tmp_path: Path, content: bytes, **mapping: str) -> IngestReport:
    """What would be taken of it as a report."""
    path = tmp_path / "download.csv"
    path.write_bytes(content)
    return look(LogSource(str(path), "report", "log", mapping=mapping))


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_taken_whole_without_a_map(tmp_path: Path, name: str) -> None:
    """Every row, under its campaign's name, with the sums of what was planted, and no sum counted twice."""
    found = looked(tmp_path, EXPORTS[name]())
    assert (found.rows, found.rejected) == (len(DAYS), 0)
    assert found.sums == pytest.approx(
        dict(zip(("impressions", "clicks", "cost USD", "conversions", "revenue USD"), SUMS, strict=True))
    )
    assert [row["campaign"] for row in found.first_rows][:2] == [each.campaign for each in DAYS[:2]]


def test_a_blank_of_meta_is_shown_to_be_read_as_nothing_counted(tmp_path: Path) -> None:
    """`--dry-run` says it beside the column, and only of columns that count something."""
    found = {each.name: each.reading for each in looked(tmp_path, meta()).columns}
    zero = {name for name, reading in found.items() if reading.endswith("blank is 0")}
    assert zero == {"clicks", "conversions", "revenue"}


def test_a_blank_of_any_other_export_is_not_taken_for_nothing(tmp_path: Path) -> None:
    """Clicks must be there, and conversions that are not are unknown."""
    lines = [f"2026-06-{day:02},a,100,{day % 2 or ''}," for day in range(1, 20)]
    found = looked(tmp_path, "\n".join(["Day,Campaign,Impr.,Clicks,Conversions", *lines]).encode())
    assert (found.rows, found.reasons) == (10, {"clicks is not a non-negative integer": 9})
    assert [row["conversions"] for row in found.first_rows] == [None] * 5


def test_a_row_of_meta_that_lacks_only_its_day_or_only_its_campaign_is_no_sum(tmp_path: Path) -> None:
    """It is a bad row, and is counted as one."""
    head, total, *rows = meta().decode().splitlines()
    for spoiled in (rows[0].replace("2026-06-01", "", 1), rows[0].replace(DAYS[0].campaign, "", 1)):
        found = looked(tmp_path, "\n".join([head, total, spoiled, *rows[1:]]).encode())
        assert (found.rows, found.rejected) == (len(DAYS) - 1, 1)
        assert found.notes["a sum of other rows, left out"] == 1


def test_a_map_may_still_ask_for_the_campaigns_id(tmp_path: Path) -> None:
    """The name comes first where both are there, and what the user says comes before it."""
    found = looked(tmp_path, EXPORTS["api-gaql"](), campaign="campaign.id")
    assert found.first_rows[0]["campaign"].startswith("200000000")
