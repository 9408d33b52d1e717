"""An account's export is read from a file alone, by the readings of reports, into one record for each currency."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gaelp.domain.exports.account_export import anonymous
from gaelp.records.exports.read_export import read_export
from gaelp.records.logs.ingestion import LogSource
from gaelp.records.logs.log_files import IngestError

GERMAN = """Kampagnenbericht
1. September 2026 - 2. September 2026
Tag;Kampagne;Kampagnenstatus;Budget;Budgettyp;Währungscode;Impr.;Klicks;Kosten;Conversions;Conv.-Wert
01.09.2026;Suche;Aktiviert;"50,00";Täglich;EUR;1.204;41;"172,45";"1,50";"1.300,20"
02.09.2026;Suche;Aktiviert;"50,00";Täglich;EUR;980;30;"80,10"; --;"0,00"
01.09.2026;Marke;Pausiert;"1.000,00";Laufzeit;EUR;200;10;"5,00";"1,00";"20,00"
Gesamt;;;;;EUR;2.384;81;"257,55";"2,50";"1.320,20"
"""


def _file(folder: Path, text: str) -> LogSource:
    place = folder / "export.csv"
    place.write_text(text, encoding="utf-8")
    return LogSource(str(place), "report", "export")


def test_networks_are_parts_of_a_campaign(tmp_path: Path) -> None:
    """Google Ads' segment of networks names its column so, and its days are words in some languages."""
    text = 'Day,Campaign,Network (with search partners),Impr.,Clicks\n"Sep 1, 2026",A,Google search,900,9\n'
    (export,) = read_export(_file(tmp_path, text))
    assert (export.rows[0].placement, export.rows[0].day) == ("Google search", date(2026, 9, 1))


def test_a_raw_export_in_german_number_format_is_read(tmp_path: Path) -> None:
    """Title, total row, decimal commas, budgets and states of a German export need no option."""
    (export,) = read_export(_file(tmp_path, GERMAN))
    first, second, third = export.rows
    assert (export.platform, export.currency) == ("google-ads", "EUR")
    assert (first.day, first.impressions, first.cost_micros) == (date(2026, 9, 1), 1204, 172_450_000)
    assert (first.conversions, first.revenue_micros, first.budget_micros) == (Decimal("1.5"), 1_300_200_000, 50_000_000)
    assert second.conversions is None
    assert (first.runs, first.daily_budget, third.runs, third.daily_budget) == (True, True, False, False)
    assert export.notes["a sum of other rows, left out"] == 1


def test_two_currencies_are_two_exports(tmp_path: Path) -> None:
    """Rows of two currencies never stand in one export, so that nothing can add them."""
    text = "Day,Campaign,Currency code,Impr.,Clicks,Cost\n2026-09-01,A,USD,10,1,2.00\n2026-09-01,A,EUR,10,1,3.00\n"
    exports = read_export(_file(tmp_path, text))
    assert [(each.currency, each.rows[0].cost_micros) for each in exports] == [("EUR", 3_000_000), ("USD", 2_000_000)]


def test_rows_of_one_campaign_and_day_add_up_and_their_budget_does_not(tmp_path: Path) -> None:
    """An export by ad group repeats the campaign's budget on each row: counts are summed, the budget is taken once."""
    text = (
        "Day,Campaign,Ad group,Impressions,Clicks,Cost,Budget\n"
        "2026-09-01,A,x,10,1,2.00,30\n2026-09-01,A,y,20,2,5.00,30\n2026-09-02,A,x,1,0,0.50,40\n"
    )
    (export,) = read_export(_file(tmp_path, text))
    days = [(each.day.day, each.impressions, each.cost_micros, each.budget_micros) for each in export.campaign_days]
    assert days == [(1, 30, 7_000_000, 30_000_000), (2, 1, 500_000, 40_000_000)]
    assert [row.ad_group for row in export.rows] == ["x", "y", "x"]


def test_a_missing_column_is_named_with_a_header_to_tick(tmp_path: Path) -> None:
    """What an export has no column for is known, with the platform's name of it."""
    (export,) = read_export(_file(tmp_path, "date,campaign,impressions,clicks\n2026-09-01,A,10,1\n"))
    assert export.why_not("budget") == "the export has no column budget (a header like daily budget)"
    assert export.why_not("clicks") == ""
    assert export.rows[0].cost_micros is None


def test_words_in_place_of_a_budget_are_no_budget(tmp_path: Path) -> None:
    """Meta writes `Using ad set budget` where a campaign has none of its own; the row is kept, without a budget."""
    text = (
        "Reporting starts,Reporting ends,Day,Campaign name,Impressions,Link clicks,Amount spent (USD),Ad set budget\n"
        "2026-09-01,2026-09-02,2026-09-01,A,10,1,2.00,Using ad set budget\n"
        "2026-09-01,2026-09-02,2026-09-02,A,10,1,2.00,25\n"
    )
    with pytest.raises(IngestError, match="segmented by day"):
        read_export(_file(tmp_path, text))
    by_day = text.replace("2026-09-01,2026-09-02,2026-09-01", "2026-09-01,2026-09-01,2026-09-01")
    by_day = by_day.replace("2026-09-01,2026-09-02,2026-09-02", "2026-09-02,2026-09-02,2026-09-02")
    (export,) = read_export(_file(tmp_path, by_day))
    assert [row.budget_micros for row in export.rows] == [None, 25_000_000]
    assert (export.platform, export.currency) == ("meta", "USD")


def test_a_week_to_a_row_is_refused(tmp_path: Path) -> None:
    """Rows that are longer than a day cannot be judged by day, and the refusal says what to download."""
    text = "Week,Campaign,Impressions,Clicks\n2026-09-07,A,10,1\n"
    with pytest.raises(IngestError, match=r"line 2 covers 2026-09-07 to 2026-09-13.*segmented by day"):
        read_export(_file(tmp_path, text))


def test_a_currency_that_contradicts_the_file_is_refused(tmp_path: Path) -> None:
    """--currency is for a file that names none; it never renames amounts."""
    text = "Day,Campaign,Currency code,Impr.,Clicks,Cost\n2026-09-01,A,USD,10,1,2.00\n"
    with pytest.raises(IngestError, match="names USD: leave it out"):
        read_export(_file(tmp_path, text), currency="EUR")
    (export,) = read_export(_file(tmp_path, text.replace("Currency code", "Type")), currency="EUR")
    assert export.currency == "EUR"


def test_anonymous_hides_every_name(tmp_path: Path) -> None:
    """Nothing of a campaign's name is left, and campaigns stay apart."""
    (export,) = read_export(_file(tmp_path, GERMAN))
    assert anonymous(export).campaigns == ("campaign 1", "campaign 2")
    assert "Suche" not in repr(anonymous(export))
