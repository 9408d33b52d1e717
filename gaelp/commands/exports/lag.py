"""The verb `lag`: how late conversions come, which days are mature, and what the others will still bring.

Touch this to show one more thing of it; how it is estimated stands in gaelp/evidence/exports/conversion_lag.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from gaelp.commands.console import DONE, Out, WrongUse, table
from gaelp.commands.exports.given_export import counted, day_said, export_source, refuse_page, shown_name, write_page
from gaelp.domain.exports.export_exposure import NotLookedAt

if TYPE_CHECKING:
    from gaelp.domain.exports.conversion_ages import ConversionTriangle
    from gaelp.evidence.exports.conversion_lag import BoundedEstimate, ConversionLag, YoungDay
    from gaelp.reports.account_page import PageSection

COLUMNS = ("click day", "age in days", "conversions so far", "have come by then", "still to come")
SEED = 1


@dataclass(frozen=True)
class ShownLag:
    """What the exports say, and what it rests on."""

    files: str
    today: date
    triangle: ConversionTriangle
    lag: ConversionLag

    @property
    def mean_days(self) -> float:
        """The mean lag in days: ages count midnights between click and conversion, whose mean is that of the days."""
        return sum(1 - share for share in self.lag.shares)

    @property
    def answer(self) -> str:
        """Median, late age and what young days will bring, in sentences."""
        lag, to_come = self.lag, self.lag.to_come
        until = f"Click days up to {lag.mature_until} are mature" if lag.mature_until else "No click day is mature yet"
        young = sum(day.conversions for day in lag.young)
        return (
            f"Half of the conversions have come {_age(lag.median)}, 90 % {_age(lag.late)}. {until}; the "
            f"{len(lag.young)} younger ones have {counted(young)} conversions and will bring {counted(to_come.value)} "
            f"more ({counted(to_come.low)} to {counted(to_come.high)})."
        )

    @property
    def notes(self) -> list[str]:
        """What it rests on."""
        longest = len(self.lag.shares) - 1
        said = [
            f"Ages are whole days after the click's day. {counted(self.lag.conversions)} conversions of "
            f"{len(self.triangle.watched)} click days, watched for up to {longest} days; what comes later is not seen.",
            "Bounds are at 95 %, from click days drawn again 200 times, if lags do not change from day to day.",
        ]
        if self.triangle.taken_back:
            said.append(f"{counted(self.triangle.taken_back)} conversions of an earlier file are gone in a later one.")
        if self.triangle.without_age:
            said.append(f"{counted(self.triangle.without_age)} conversions have no age in the file and are left out.")
        return said


def lag(arguments: argparse.Namespace, out: Out) -> int:
    """Estimate it from several daily exports, or from one that has the age of each conversion."""
    refuse_page(arguments, *arguments.files)
    shown = shown_lag(arguments.files, arguments)
    pages = [lag_section(shown)] if arguments.page else []
    written = write_page(arguments, f"{shown.files}: how late conversions come", pages)
    rows = table(COLUMNS, [_row(day) for day in shown.lag.young])
    out.result(lag_document(shown), shown.answer, *([rows] if shown.lag.young else []), *shown.notes, *written)
    return DONE


def shown_lag(files: Sequence[str], arguments: argparse.Namespace) -> ShownLag:
    """Raises WrongUse, NotLookedAt and IngestError."""
    import numpy as np

    from gaelp.evidence.exports.conversion_lag import conversion_lag
    from gaelp.records.exports.read_ages import read_triangle

    triangle = read_triangle([export_source(file, arguments) for file in files], day_said(arguments))
    name = shown_name(arguments, *files)
    if not triangle.watched:
        raise NotLookedAt(f"{name}: no click day in it was watched for a whole day")
    watched_until = max(day + timedelta(days=age) for day, age in triangle.watched.items())
    today = day_said(arguments) or watched_until + timedelta(days=1)
    if today <= watched_until:
        raise WrongUse(f"--today {today} lies before the files' last day, {watched_until}")
    try:
        return ShownLag(name, today, triangle, conversion_lag(triangle, today, np.random.default_rng(SEED)))
    except ValueError as error:
        raise NotLookedAt(f"{name}: {error}") from error


def lag_document(shown: ShownLag) -> dict[str, Any]:
    """For --json."""
    lag = shown.lag
    return {
        "today": shown.today,
        "conversions": lag.conversions,
        "click_days": len(shown.triangle.watched),
        "come_by_age": lag.shares,
        "median_age": vars(lag.median),
        "age_of_90_percent": vars(lag.late),
        "mature_until": lag.mature_until,
        "still_to_come": vars(lag.to_come),
        "young_days": [vars(day) for day in lag.young],
        "notes": shown.notes,
    }


def lag_section(shown: ShownLag) -> PageSection:
    """For the page."""
    from gaelp.reports.account_page import PageSection
    from gaelp.reports.account_plots import ages_of_conversions

    return PageSection(
        title=f"{shown.files}: how late conversions come, as of {shown.today}",
        answer=shown.answer,
        columns=COLUMNS,
        rows=tuple(_row(day) for day in shown.lag.young),
        picture=ages_of_conversions(shown.triangle, shown.lag),
        alt=f"Conversions by click day and by age in days. {shown.answer}",
        notes=tuple(shown.notes),
    )


def _age(age: BoundedEstimate) -> str:
    if age.high == 0:
        return "on the click's own day"
    return f"{age.value:.0f} days after the click ({age.low:.0f} to {age.high:.0f})"


def _row(day: YoungDay) -> tuple[str, ...]:
    to_come = "too little has come to say" if day.to_come is None else f"{day.to_come:,.1f}"
    return str(day.day), str(day.age), counted(day.conversions), f"{day.share:.0%}", to_come
