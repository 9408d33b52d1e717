"""How columns are written is decided over whole columns: what has two readings is asked for and never guessed."""

from __future__ import annotations

import gzip
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gaelp.records.logs.column_readings import Asked
from gaelp.records.logs.ingestion import IngestError, IngestReport, LogSource, TooManyRejected, ingest, look
from gaelp.records.logs.stored_logs import UNKNOWN_MICROS, known_logs, load_bandit, load_report
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse

NOW = datetime(2026, 11, 26, tzinfo=UTC)
HEADER = "date,campaign,impressions,clicks,cost"


def written(tmp_path: Path, text: str | bytes, name: str = "log.csv") -> str:
    """A file of that content."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def report(tmp_path: Path, *lines: str, header: str = HEADER, **said: Any) -> IngestReport:
    """What would be taken of a campaign report."""
    path = written(tmp_path, "\n".join((header, *lines)))
    return look(LogSource(path, "report", "log", asked=Asked(**said)))


def costs(tmp_path: Path, *texts: str, **said: str) -> list[int]:
    """Amounts of a report's rows, in micros."""
    found = report(tmp_path, *(f'2026-03-0{n},a,900,9,"{text}"' for n, text in enumerate(texts, start=1)), **said)
    return [row["cost_micros"] for row in found.first_rows]


@pytest.mark.parametrize(
    ("texts", "micros"),
    [
        (("12.50", "1.250"), [12_500_000, 1_250_000]),  # the first has one reading, so the second has too
        (("12,50", "1.250"), [12_500_000, 1_250_000_000]),
        (("1,234,567.5", "1,250"), [1_234_567_500_000, 1_250_000_000]),
        (("1.234.567", "1,25"), [1_234_567_000_000, 1_250_000]),
        (("1 250,5", "1'000"), [1_250_500_000, 1_000_000_000]),
        (("$21.00", "€ 5"), [21_000_000, 5_000_000]),
        (("0.125", "1.000"), [125_000, 1_000_000]),  # no thousands begin with a nought
        (("1e3", "7"), [1_000_000_000, 7_000_000]),
    ],
)
def test_one_value_with_a_single_reading_settles_its_column(
    tmp_path: Path, texts: tuple[str, ...], micros: list[int]
) -> None:
    """Decimal mark and thousands mark are those of the whole column."""
    assert costs(tmp_path, *texts) == micros


def test_a_count_with_a_fraction_is_no_reading(tmp_path: Path) -> None:
    """1.204 impressions can only be 1,204, and then 1.000 is a thousand."""
    found = report(tmp_path, "2026-03-01,a,1.204,9,1.5", "2026-03-02,a,1.000,9,1.5")
    assert [row["impressions"] for row in found.first_rows] == [1204, 1000]


def test_what_no_value_settles_is_asked_for_by_option(tmp_path: Path) -> None:
    """The sentence names column, value, line, both readings and the option; with the option it is read."""
    with pytest.raises(
        IngestError, match=r"column cost can be read in two ways.*'9\.000' on line 2 is 9\.0 or 9,000\.0"
    ):
        costs(tmp_path, "9.000", "12.000")
    assert costs(tmp_path, "9.000", "12.000", decimal="point") == [9_000_000, 12_000_000]
    assert costs(tmp_path, "9.000", "12.000", decimal="comma") == [9_000_000_000, 12_000_000_000]


def test_a_column_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    """Both places are named; a user who says which one is right gets the other one rejected."""
    with pytest.raises(IngestError, match=r"contradicts itself: '12\.50' on line 2 .* and '12,50' on line 3"):
        costs(tmp_path, "12.50", "12,50")
    assert costs(tmp_path, "12.50", "12,50", decimal="comma") == [12_500_000]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01 10:00:00 UTC", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01T10:00:00+02:00", datetime(2026, 3, 1, 8, tzinfo=UTC)),
        ("1612111001234", datetime(2021, 1, 31, 16, 36, 41, 234_000, tzinfo=UTC)),
        ("1612111001", datetime(2021, 1, 31, 16, 36, 41, tzinfo=UTC)),
        ("1612111001234567", datetime(2021, 1, 31, 16, 36, 41, 234_567, tzinfo=UTC)),
        ("20131019101112123", datetime(2013, 10, 19, 10, 11, 12, 123_000, tzinfo=UTC)),
        ("20131019", datetime(2013, 10, 19, tzinfo=UTC)),
        ("01.09.2026", datetime(2026, 9, 1, tzinfo=UTC)),
        ("2026/09/01", datetime(2026, 9, 1, tzinfo=UTC)),
        ("25/12/2025", datetime(2025, 12, 25, tzinfo=UTC)),
        ("12/25/2025", datetime(2025, 12, 25, tzinfo=UTC)),
        ("03/03/2026", datetime(2026, 3, 3, tzinfo=UTC)),  # both readings are the same day
        ('"Sep 1, 2026"', datetime(2026, 9, 1, tzinfo=UTC)),
        ('"Tue, Sept. 1, 2026"', datetime(2026, 9, 1, tzinfo=UTC)),
        ("1 september 2026", datetime(2026, 9, 1, tzinfo=UTC)),
        ("1-Sep-2026", datetime(2026, 9, 1, tzinfo=UTC)),
        ("31. März 2026", datetime(2026, 3, 31, tzinfo=UTC)),
        ('"Di., 1. Dez. 2026"', datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_each_common_form(tmp_path: Path, text: str, instant: datetime) -> None:
    """Each of these has one reading."""
    assert report(tmp_path, f"{text},a,900,9,1.5").first_rows[0]["at"] == instant


@pytest.mark.parametrize("text", ["1900-01-01", "2100-01-01", "16121110012", "2026030110", "31/31/2026", "0",
                                  "31-Feb-2026", "1-Sep-26", "1 Sol 2026"])  # fmt: skip
def test_an_instant_that_cannot_be_is_rejected(tmp_path: Path, text: str) -> None:
    """Too early, in another century, of no known form, or an hour that may be seconds: the others are taken."""
    found = report(tmp_path, f"{text},a,900,9,1.5", "2026-03-01,a,900,9,1.5")
    assert found.reasons == {"date is not a date and time between 1995 and 2100": 1}


def test_the_order_of_day_and_month_is_that_of_the_column(tmp_path: Path) -> None:
    """One date settles it, two contradict each other, and where none settles it the user is asked."""
    days = [row["at"].day for row in report(tmp_path, "03/04/2026,a,1,0,1.5", "25/04/2026,b,1,0,1.5").first_rows]
    assert days == [3, 25]
    with pytest.raises(IngestError, match="contradicts itself"):
        report(tmp_path, "04/25/2026,a,1,0,1.5", "25/04/2026,b,1,0,1.5")
    with pytest.raises(IngestError, match=r"2026-03-04 or 2026-04-03: say --dates month-first or --dates day-first"):
        report(tmp_path, "03/04/2026,a,1,0,1.5")
    assert report(tmp_path, "03/04/2026,a,1,0,1.5", dates="day-first").first_rows[0]["at"].day == 3


def test_times_without_a_zone_are_of_the_one_that_was_said(tmp_path: Path) -> None:
    """10:00 in Berlin is 09:00 UTC; an hour that comes twice there is rejected, and so is a wrong name."""
    times = ("2026-03-01 10:00:00", "2026-03-01T10:00:00+05:00", "2026-10-25 02:30:00", "25.10.2026 02:30:00")
    lines = [f"{time},10,0,0.5" for time in times]
    path = written(tmp_path, "\n".join(("timestamp,item_id,click,propensity_score", *lines)))
    found = look(LogSource(path, "bandit", "log", asked=Asked(zone="Europe/Berlin")))
    assert [row["at"].hour for row in found.first_rows] == [9, 5] and found.rejected == 2
    with pytest.raises(IngestError, match="there is no such zone"):
        look(LogSource(path, "bandit", "log", asked=Asked(zone="Berlin")))
    with pytest.raises(IngestError, match="the days of a report are the account's own"):
        report(tmp_path, "2026-09-01,a,10,1,5", zone="Europe/Berlin")


def test_amounts_are_in_micros_where_it_was_said(tmp_path: Path) -> None:
    """A header need not say it; a column that is no amount cannot be."""
    found = report(tmp_path, "2026-09-01,a,10,1,5000000", micros=("cost",))
    assert found.first_rows[0]["cost_micros"] == 5_000_000
    with pytest.raises(
        IngestError, match="--micros clicks: a report log has no such amount; it has cost, revenue, sales"
    ):
        report(tmp_path, "2026-09-01,a,10,1,5", micros=("clicks",))


def test_amounts_in_micros_are_told_by_their_header(tmp_path: Path) -> None:
    """Google Ads' API reports millionths; a fraction of one shows that a column is not in micros."""
    names = "segments.date,campaign.id,metrics.impressions,metrics.clicks,metrics.cost_micros"
    found = report(tmp_path, "2026-09-01,111,1204,41,172450000", "2026-09-02,111,1,0,1.5", header=names)
    assert [row["cost_micros"] for row in found.first_rows] == [172_450_000]
    assert found.reasons == {"cost is not an amount of 0 or more": 1}


def test_currencies_are_kept_apart(tmp_path: Path) -> None:
    """Sums are by currency, from a column or from the header of the amounts."""
    rows = ("2026-09-01,a,10,1,5,USD", "2026-09-02,a,10,1,7,EUR")
    assert report(tmp_path, *rows, header=f"{HEADER},Currency code").sums["cost EUR"] == 7
    meta = "Reporting starts,Campaign name,Impressions,Link clicks,Amount spent (GBP)"
    assert report(tmp_path, "2026-09-01,a,10,1,5", header=meta).sums["cost GBP"] == 5


def test_real_reports_have_fractions_of_conversions_and_negative_days(tmp_path: Path) -> None:
    """Both are kept as they are, and `--` is nothing."""
    path = written(
        tmp_path,
        f"{HEADER},conversions,revenue\n2026-03-01,a,10,5,2.5,1.5,-25.00\n2026-03-02,a,10,5,2.5,--,--\n",
    )
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    ingest(warehouse, LogSource(path, "report", "log"), NOW)
    arrays = load_report(warehouse, "log")
    warehouse.close()
    assert arrays["conversions"][0] == 1.5 and arrays["conversions"][1] != arrays["conversions"][1]
    assert arrays["revenue_micros"].tolist() == [-25_000_000, UNKNOWN_MICROS]


def test_a_report_may_have_no_cost(tmp_path: Path) -> None:
    """Unknown is not nothing, and it is said; a blank where the report has a column of it is bad."""
    rows = ("2026-09-01,a,10,1", "2026-09-02,a,10,1")
    found = report(tmp_path, *rows, header="date,campaign,impressions,clicks")
    assert (found.rows, found.notes) == (2, {"cost is unknown": 2}) and "cost" not in found.sums
    assert report(tmp_path, "2026-09-01,a,10,1,", "2026-09-02,a,10,1,5").rejected == 1


@pytest.mark.parametrize(
    ("header", "values", "days"),
    [
        ("Week,", "2026-08-31,", 7), ("Monat,", "2026-02-01,", 28), ("Month,", "2026-12-01,", 31),
        ("Tag,", "2026-09-01,", 1),
        ("Reporting starts,Reporting ends,", "2026-09-01,2026-09-30,", 30),
        ("Reporting starts,Reporting ends,Day,", "2026-09-01,2026-09-01,2026-09-01,", 1),
        ("Berichtsstart,Berichtsende,", "2026-09-01,2026-09-01,", 1),
    ],
)  # fmt: skip
def test_a_row_of_a_report_may_cover_several_days(tmp_path: Path, header: str, values: str, days: int) -> None:
    """Weeks, months and periods keep their length, and are counted as a note."""
    path = written(tmp_path, f"{header}Campaign,Impressions,Clicks,Cost\n{values}a,10,1,5\n")
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    found = ingest(warehouse, LogSource(path, "report", "log"), NOW)
    arrays = load_report(warehouse, "log")
    warehouse.close()
    assert arrays["days"].tolist() == [days]
    assert found.notes == ({"covers more than one day": 1} if days > 1 else {})


def test_a_period_that_ends_before_it_begins_is_rejected(tmp_path: Path) -> None:
    """Such a row contradicts itself."""
    header = "Reporting starts,Reporting ends,Campaign,Impressions,Clicks,Cost"
    rows = ("2026-09-02,2026-09-01,a,10,1,5", "2026-09-02,2026-09-02,a,10,1,5")
    assert report(tmp_path, *rows, header=header).reasons == {"the period ends before it begins": 1}


@pytest.mark.parametrize(
    "text",
    [
        "Campaign report\n\nDay,Campaign,Currency code,Impr.,Clicks,Cost,Conversions,Conv. value\n"
        '2026-09-01,A,EUR,"1,204",41,172.45,1.50,300.00\nTotal: all,,EUR,"1,204",41,172.45,1.50,300.00\n',
        "Kampagnenbericht\nTag;Kampagne;Währungscode;Impr.;Klicks;Kosten;Conversions;Conv.-Wert\n"
        '01.09.2026;A;EUR;1.204;41;"172,45";"1,50";"300,00"\nGesamt;;;1.204;41;"172,45";"1,50";"300,00"\n',
        "Reporting starts,Reporting ends,Campaign name,Impressions,Link clicks,Amount spent (EUR),Purchases,"
        "Purchases conversion value\n2026-09-01,2026-09-01,A,1204,41,172.45,1.5,300\n",
        "Berichtsstart;Berichtsende;Kampagnenname;Impressionen;Link-Klicks;Ausgegebener Betrag (EUR);Käufe;"
        "Conversion-Wert von Käufen\n2026-09-01;2026-09-01;A;1204;41;172,45;1,5;300\n",
        "segments.date,campaign.name,customer.currency_code,metrics.impressions,metrics.clicks,metrics.cost_micros,"
        "metrics.conversions,metrics.conversions_value\n2026-09-01,A,EUR,1204,41,172450000,1.5,300.0\n",
    ],
)
def test_exports_need_no_map(tmp_path: Path, text: str) -> None:
    """Google Ads and Meta in English and German, and rows of Google Ads' API, say the same."""
    found = look(LogSource(written(tmp_path, text), "report", "log"))
    assert found.rows == 1 and found.rejected == 0
    sums = {"impressions": 1204, "clicks": 41, "cost EUR": 172.45, "conversions": 1.5, "revenue EUR": 300}
    assert found.sums == pytest.approx(sums)


def test_a_title_above_the_header_and_totals_below_are_no_rows(tmp_path: Path) -> None:
    """An export's title, its dates and its sums are left out, and the sums are counted."""
    lines = ("2026-09-01,Total Recall,10,1,5", "Total: All campaigns,,10,1,5")
    found = report(tmp_path, "September 2026", "Day,Campaign,Impr.,Clicks,Cost", *lines, header="Campaign report")
    assert (found.rows, found.rejected, found.notes) == (1, 0, {"a sum of other rows, left out": 1})
    assert found.first_rows[0]["campaign"] == "Total Recall"


@pytest.mark.parametrize(
    "bytes_",
    [
        f"{HEADER}\r2026-03-01,a,10,1,5\r2026-03-02,a,10,1,5\r".encode(),
        f"{HEADER}\n2026-03-01,a,10,1,5\n2026-03-02,a,10,1,5\n".encode("utf-16"),
        f"{HEADER}\n2026-03-01,a,10,1,5\n2026-03-02,a,10,1,5\n".replace(",", ";").encode("utf-8-sig"),
        f"{HEADER}\n2026-03-01,a,10,1,5\n2026-03-02,a,10,1,5\n".replace(",", "\t").encode(),
        gzip.compress(f"{HEADER}\n2026-03-01,a,10,1,5\n2026-03-02,a,10,1,5\n".encode()),
    ],
)
def test_line_ends_encodings_and_delimiters_are_found(tmp_path: Path, bytes_: bytes) -> None:
    """Carriage returns, UTF-16, a byte order mark, semicolons, tabs and gzip are all read."""
    assert look(LogSource(written(tmp_path, bytes_), "report", "log")).rows == 2


def test_an_archive_of_one_file_is_read_and_others_are_refused(tmp_path: Path) -> None:
    """A zip of two files, and what only looks like a spreadsheet, are refused with what to do."""
    archive = tmp_path / "log.zip"
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("a.csv", f"{HEADER}\n2026-03-01,a,10,1,5\n")
    assert look(LogSource(str(archive), "report", "log")).rows == 1
    with zipfile.ZipFile(archive, "a") as writer:
        writer.writestr("b.csv", "x")
    with pytest.raises(IngestError, match="holds 2 files"):
        look(LogSource(str(archive), "report", "log"))
    with zipfile.ZipFile(archive, "a") as writer:
        writer.writestr("[Content_Types].xml", "x")
    with pytest.raises(IngestError, match="is a spreadsheet that cannot be read"):
        look(LogSource(str(archive), "report", "log"))


def test_a_column_that_two_headers_may_mean_is_asked_for(tmp_path: Path) -> None:
    """One name twice, or two known names of one thing, are refused."""
    with pytest.raises(IngestError, match="its header names 'cost' 2 times"):
        report(tmp_path, "2026-03-01,a,10,1,5,6", header=f"{HEADER},cost")
    with pytest.raises(IngestError, match=r"'Link clicks', 'Clicks \(all\)' may each be meant by clicks"):
        report(tmp_path, "2026-03-01,a,10,1,5,6", header="date,campaign,impressions,Link clicks,Clicks (all),cost")


def test_columns_without_a_header_are_named_by_number(tmp_path: Path) -> None:
    """From 1, as people count them."""
    path = written(tmp_path, "a;77;0\nb;80;1\n")
    found = look(LogSource(path, "market", "log", mapping={"market_price": "2", "click": "3"}))
    assert [(row["market_price"], row["click"]) for row in found.first_rows] == [(77, 0), (80, 1)]


def test_only_items_that_occur_are_candidates(tmp_path: Path) -> None:
    """Items numbered from 1, or of any text, have no neighbours that nobody has shown; a number of the row is no id."""
    lines = ("0,2026-03-01,10,0,0.5", "1,2026-03-02,9,1,0.5", "0,2026-03-03,hat,1,0.5", "1,2026-03-04,10,5,0.5")
    path = written(tmp_path, "\n".join((",timestamp,item_id,click,propensity_score", *lines[:2])))
    other = written(tmp_path, "\n".join((",timestamp,item_id,click,propensity_score", *lines)), "other.csv")
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    ingest(warehouse, LogSource(path, "bandit", "numbers"), NOW)
    ingest(warehouse, LogSource(other, "bandit", "texts", most_rejected=0.5), NOW)
    ids = [load_bandit(warehouse, name)["item_ids"].tolist() for name in ("numbers", "texts")]
    warehouse.close()
    assert ids == [["9", "10"], ["10", "9", "hat"]]


def test_too_many_bad_rows_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    """One of ten is more than 5 %: nothing is written; whoever allows it gets the nine others."""
    lines = [f"2026-03-0{n},a,10,1,5" for n in range(1, 10)]
    path = written(tmp_path, "\n".join((HEADER, *lines, "2026-03-10,a,10,11,5")))
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    says = r"1 of 10 rows .* \(1 of 1 rows: clicks exceed impressions, first on line 11\), more than 0\.05"
    with pytest.raises(TooManyRejected, match=says):
        ingest(warehouse, LogSource(path, "report", "log"), NOW)
    assert known_logs(warehouse) == [] and warehouse.query("SELECT COUNT(*) AS n FROM report_rows") == [{"n": 0}]
    assert ingest(warehouse, LogSource(path, "report", "log", most_rejected=0.1), NOW).rows == 9
    warehouse.close()
