"""An account's export from a file, without a ledger, a server or a folder of ours.

Touch this when what is read becomes another record; how a file is read stands in gaelp/records/logs/.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow.compute as pc

from gaelp.domain.exports.account_export import AccountExport, CampaignDay
from gaelp.records.exports.export_columns import EXPORT, platform_of
from gaelp.records.logs.ingestion import IngestReport, LogSource, read_rows
from gaelp.records.logs.log_files import IngestError

_TEXTS = ("budget_type", "status", "placement", "search_term", "ad_group", "arm")


def read_export(source: LogSource, platform: str | None = None, currency: str = "") -> list[AccountExport]:
    """The export in that file, one for each currency in it, in the order of their names; amounts are never added.

    `platform` and `currency` are what somebody said: without the first the headers may show it, and the second is for
    a file that names none. Raises IngestError, with one sentence, for a file that cannot be read for sure, whose rows
    are longer than a day, or that names another currency.
    """
    report, rows = read_rows(source, EXPORT)
    refuse_periods(source.path, rows)
    days = [_campaign_day(row, currency) for row in rows.to_pylist()]
    if currency and (others := {day.currency for day in days} - {currency}):
        raise IngestError(f"--currency {currency}: {source.path} names {', '.join(sorted(others))}: leave it out")
    columns = {found.name: found.header for found in report.columns}
    shown = platform or platform_of(columns.values())
    return [
        AccountExport(
            platform=shown,
            currency=code,
            rows=tuple(day for day in days if day.currency == code),
            columns=columns,
            missing=_missing(report),
            notes=report.notes,
            rejected=report.rejected,
        )
        for code in sorted({day.currency for day in days})
    ]


def refuse_periods(path: str, rows: Any) -> None:
    """Raise IngestError where a row is longer than a day."""
    longer = rows.filter(pc.fill_null(pc.greater(rows["until"], rows["at"]), False))
    if len(longer):
        line, begins, ends = (longer[name][0].as_py() for name in ("line", "at", "until"))
        raise IngestError(
            f"{path}: the row on line {line} covers {begins:%Y-%m-%d} to {ends:%Y-%m-%d}, and a row must be a day: "
            "download it again, segmented by day"
        )


def _missing(report: IngestReport) -> dict[str, tuple[str, ...]]:
    there = {found.name for found in report.columns}
    return {wanted.name: (wanted.name, *wanted.aliases) for wanted in EXPORT.fields if wanted.name not in there}


def _campaign_day(row: Mapping[str, Any], currency: str) -> CampaignDay:
    conversions = row["conversions"]
    return CampaignDay(
        campaign=row["campaign"],
        day=row["at"].date(),
        impressions=row["impressions"],
        clicks=row["clicks"],
        currency=row["currency"] or currency,
        cost_micros=row["cost_micros"],
        conversions=None if conversions is None else Decimal(str(conversions)),
        revenue_micros=row["revenue_micros"],
        budget_micros=row["budget_micros"],
        **{name: row[name] for name in _TEXTS},
    )
