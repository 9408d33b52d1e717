"""The advertiser's own orders from a file, beside an account's export. Nothing is stored.

Touch this when a shop names a column otherwise, or an order is an ad's by another sign.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from zoneinfo import ZoneInfo

from gaelp.domain.exports.findings import OwnOrder
from gaelp.records.logs import log_columns as column
from gaelp.records.logs.ingestion import LogSource, read_rows
from gaelp.records.logs.instant_columns import instants
from gaelp.records.logs.log_files import IngestError
from gaelp.records.logs.log_kinds import Field, Kind

PAID_MEDIA = (
    "cpc",
    "ppc",
    "paid",
    "paidsearch",
    "paid_search",
    "paid-search",
    "paidsocial",
    "paid_social",
    "paid-social",
)
_IDS = ("order_id", "id", "order", "order id", "order number", "name", "bestellnummer", "transaction_id")
ORDERS = Kind(
    "orders",
    "",
    (
        Field("order", "order", column.names, "order is blank", _IDS),
        Field("time", "at", instants, "time is not a date and time between 1995 and 2100",
              ("created at", "created_at", "order date", "date", "datum", "bestelldatum", "timestamp")),
        Field("value", "value_micros", column.amounts, "value is not an amount of 0 or more",
              ("total", "order value", "amount", "summe", "betrag", "gesamtbetrag")),
        Field("refund", "refund_micros", column.amounts, "refund is not an amount of 0 or more",
              ("refunded", "refunded amount", "erstattung", "erstattet"), "", True),
        Field("new_customer", "new_customer", column.flags, "new_customer is not 0 or 1, true or false",
              ("new customer", "first order", "neukunde"), "", True),
        Field("click_id", "click_id", column.texts, "", ("click id", "gclid", "fbclid", "msclkid"), ""),
        Field("utm_medium", "utm_medium", column.texts, "", ("utm medium", "medium"), ""),
        Field("utm_campaign", "utm_campaign", column.texts, "", ("utm campaign", "utm"), ""),
        Field("currency", "currency", column.texts, "", ("currency code", "währung"), ""),
    ),
    ids=_IDS,
)  # fmt: skip


def read_orders(source: LogSource, currency: str, campaigns: Collection[str], zone: str) -> tuple[OwnOrder, ...]:
    """The orders of that currency, on their days in the account's time zone.

    An order is the ads' with a click id, with a paid `utm_medium`, or, where the file has no `utm_medium`, with the
    name of one of these campaigns as its `utm_campaign`. A file with none of the three columns cannot say, so that each
    of its orders counts. An order without a currency is in the export's. Raises IngestError.
    """
    report, rows = read_rows(source, ORDERS)
    there = {found.name for found in report.columns}
    names = {name.casefold() for name in campaigns}
    kept = [
        row for row in rows.to_pylist() if not (row["currency"] and currency) or row["currency"].upper() == currency
    ]
    if not kept:
        raise IngestError(f"{source.path}: no order is in {currency}, the currency of the export")
    return tuple(
        OwnOrder(
            order=row["order"],
            day=row["at"].astimezone(ZoneInfo(zone)).date(),
            paid=_is_paid(row, there, names),
            value_micros=row["value_micros"],
            refund_micros=row["refund_micros"] or 0,
            new_customer=None if row["new_customer"] is None else bool(row["new_customer"]),
        )
        for row in kept
    )


def _is_paid(row: dict[str, Any], there: set[str], campaigns: Collection[str]) -> bool:
    if not there & {"click_id", "utm_medium", "utm_campaign"}:
        return True
    medium, campaign = row["utm_medium"] or "", row["utm_campaign"] or ""
    named = "utm_medium" not in there and campaign.casefold() in campaigns
    return bool(row["click_id"]) or medium.casefold() in PAID_MEDIA or named
