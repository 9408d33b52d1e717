"""Own orders are read by the readings of logs, on the account's days, and counted as the ads' by a stated sign."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gaelp.domain.exports.findings import OwnOrder
from gaelp.records.exports.read_orders import read_orders
from gaelp.records.logs.column_readings import Asked
from gaelp.records.logs.ingestion import LogSource
from gaelp.records.logs.log_files import IngestError


def _orders(folder: Path, text: str, zone: str = "UTC") -> tuple[OwnOrder, ...]:
    place = folder / "orders.csv"
    place.write_text(text, encoding="utf-8")
    source = LogSource(str(place), "report", "orders", asked=Asked(zone=zone))
    return read_orders(source, "EUR", ["Search lamps"], zone)


def test_a_shops_export_is_read(tmp_path: Path) -> None:
    """German numbers, a refund, a new customer and a click id; an order without a click id is not the ads'."""
    text = (
        "Bestellnummer;Bestelldatum;Summe;Erstattung;Neukunde;gclid;Währung\n"
        '1001;2026-09-01 10:00:00;"1.204,50";"0,00";1;abc;EUR\n'
        '1002;2026-09-01 11:00:00;"49,90";"49,90";0;;EUR\n'
        '1003;2026-09-01 11:00:00;"30,00";"0,00";0;def;USD\n'
    )
    first, second = _orders(tmp_path, text)
    assert first == OwnOrder("1001", date(2026, 9, 1), True, 1_204_500_000, 0, True)
    assert (second.paid, second.kept, second.new_customer) == (False, False, False)


def test_an_order_counts_on_the_accounts_day(tmp_path: Path) -> None:
    """23:30 UTC is the next day in Berlin; a time without a zone is Berlin's own."""
    text = "id,time,value\n1,2026-09-01T23:30:00Z,10.00\n2,2026-09-01 23:30:00,10.00\n"
    assert [each.day.day for each in _orders(tmp_path, text, "Europe/Berlin")] == [2, 1]


@pytest.mark.parametrize(
    ("header", "cells", "paid"),
    [
        ("", "", True),
        (",utm_campaign", ",search LAMPS", True),
        (",utm_campaign", ",newsletter", False),
        (",utm_medium,utm_campaign", ",email,Search lamps", False),
        (",utm_medium,utm_campaign", ",CPC,other", True),
    ],
)
def test_which_orders_are_the_ads(tmp_path: Path, header: str, cells: str, paid: bool) -> None:
    """By click id or paid medium, else by the name of a campaign; a file that cannot say counts each order."""
    (order,) = _orders(tmp_path, f"id,time,value{header}\n1,2026-09-01,10.00{cells}\n")
    assert order.paid == paid


def test_orders_of_another_currency_alone_are_refused(tmp_path: Path) -> None:
    """Nothing is compared with amounts of another currency."""
    with pytest.raises(IngestError, match="no order is in EUR"):
        _orders(tmp_path, "id,time,value,currency\n1,2026-09-01,10.00,USD\n")
