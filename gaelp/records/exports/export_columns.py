"""The columns of an account's export, beyond those of a report, and the platform that the headers show.

Google Ads, Meta and Microsoft Advertising as they export to files, in English and German, and Google Ads' API. Touch
this when a platform names a column otherwise, or a verb needs one more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gaelp.records.logs import log_columns as column
from gaelp.records.logs.instant_columns import instants
from gaelp.records.logs.log_kinds import REPORT, Field


def _amounts_or_words(values: Any, marks: column.Marks) -> column.Parsed:
    """Amounts; a cell without a digit is null, as where Meta writes `Using ad set budget`."""
    wordy = column.mask(pc.invert(pc.match_substring_regex(values, r"\d")))
    amounts, good = column.amounts(pc.if_else(pa.array(wordy), "0", values), marks)
    return column.where(pa.array(~wordy), amounts), good | wordy


def _text(name: str, *aliases: str) -> Field:
    return Field(name, name, column.texts, "", aliases, default="")


_BUDGET = (
    "daily budget", "average daily budget", "campaign_budget.amount_micros", "tagesbudget",
    "durchschnittliches tagesbudget", "campaign budget", "ad set budget", "kampagnenbudget", "anzeigengruppenbudget",
)  # fmt: skip
EXPORT = replace(
    REPORT,
    fields=(
        *(each for each in REPORT.fields if each.name not in ("engagement", "banner", "placement", "sales")),
        Field("budget", "budget_micros", _amounts_or_words, "budget is not an amount of 0 or more", _BUDGET, ""),
        _text("budget_type", "budget type", "budgettyp", "ad set budget type", "campaign budget type"),
        _text("status", "campaign status", "campaign state", "kampagnenstatus", "campaign.status", "campaign delivery",
              "auslieferung der kampagne"),
        _text("placement", "banner", "platzierung", "network", "netzwerk",
              "network (with search partners)"),
        _text("search_term", "search term", "suchbegriff", "search query", "search_term_view.search_term"),
        _text("ad_group", "ad group", "ad group name", "anzeigengruppe", "ad set name", "name der anzeigengruppe",
              "ad_group.name"),
        _text("arm", "experiment arm", "variant", "variation", "variante"),
    ),
    notes=tuple(each for each in REPORT.notes if each.reason != "placement is blank"),
)  # fmt: skip
"""A report, a day to a row, with the columns of `CampaignDay`."""

_LAG = (
    "days to conversion", "tage bis zur conversion", "conversion lag", "segments.conversion_lag_bucket",
    "time to conversion",
)  # fmt: skip
AGES = replace(
    REPORT,
    fields=(
        *(each for each in REPORT.fields if each.name in ("date", "until")),
        replace(next(each for each in REPORT.fields if each.name == "campaign"), default="", parse=column.texts),
        replace(next(each for each in REPORT.fields if each.name == "conversions"), default=None),
        Field("conversion_date", "conversion_at", instants, "conversion date is not a date",
              ("conversion date", "date of conversion", "conversion day", "conversion-datum"), default="", blank=True),
        _text("lag", *_LAG),
    ),
    checks=(),
    notes=(),
)  # fmt: skip
"""Conversions by the day of their click and how long after it they came, as one export may tell it."""

_HEADERS_OF = {
    "google-ads": ("impr.", "segments.date", "metrics.impressions", "conv. value", "conv.-wert", "metrics.clicks"),
    "meta": (
        "amount spent", "ausgegebener betrag", "reporting starts", "berichtsstart", "link clicks", "link-klicks",
        "name der kampagne", "clicks (all)", "klicks (alle)",
    ),
    "microsoft": ("gregorian date", "spend"),
}  # fmt: skip


def platform_of(headers: Collection[str]) -> str | None:
    """The platform whose own words the headers use; None where they are those of none, or of several."""
    words = [header.partition(" (")[0].casefold() for header in headers] + [header.casefold() for header in headers]
    found = [platform for platform, its in _HEADERS_OF.items() if any(word in its for word in words)]
    return found[0] if len(found) == 1 else None
