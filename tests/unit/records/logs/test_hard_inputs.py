"""Files that were once misread, each with its right values."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gaelp.records.logs.ingestion import IngestError, IngestReport, LogSource, look

FILES = Path(__file__).resolve().parents[5] / "shared" / "data" / "hard_inputs"  # ../shared/data/hard_inputs
pytestmark = pytest.mark.skipif(not FILES.is_dir(), reason="../shared/data is not here")


def read(name: str, **mapping: str) -> IngestReport:
    """What would be taken of a file; its kind is the first word of its name unless that is given."""
    kind = mapping.pop("kind", name.partition("-")[0])
    return look(LogSource(str(FILES / name), kind, "log", mapping=mapping, most_rejected=1.0))


def values(found: IngestReport, column: str) -> list[Any]:
    """A column of the first rows."""
    return [row[column] for row in found.first_rows]


@pytest.mark.parametrize(
    ("name", "kind", "sums"),
    [
        ("report-fractional-conversions.csv", "report", {"conversions": 4.33, "cost": 100.0, "revenue": 260.0}),
        ("report-negative-revenue.csv", "report", {"cost": 60.0, "revenue": 50.0, "clicks": 120}),
        ("report-cost-micros.csv", "report", {"cost": 41.0}),
        ("report-cr-only.csv", "report", {"cost": 40.0, "clicks": 80}),
        ("german_thousands.csv", "report", {"impressions": 1000 + 12000 + 1204 + 900, "cost": 47.75}),
        ("german_semicolon.csv", "report", {"impressions": 1614, "cost": 226.65}),
        ("google_api_micros.csv", "report", {"cost": 172.45 + 165.10 + 1_250_000}),
        ("google_ads_plain_numbers.csv", "report", {"cost USD": 337.55, "cost EUR": 54.20, "conversions": 6.5}),
        ("google_ads_preamble.csv", "report", {"cost USD": 391.75, "impressions": 2794}),
    ],
)
def test_a_report_comes_in_with_its_right_sums(name: str, kind: str, sums: dict[str, float]) -> None:
    """No row is lost, and no amount is read otherwise than it was meant."""
    found = read(name, kind=kind)
    assert found.rejected == 0
    assert {key: found.sums[key] for key in sums} == pytest.approx(sums)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("report-dot-thousands.csv", "column impressions can be read in two ways"),
        ("report-duplicate-header.csv", "its header names 'conversions' 2 times"),
        ("report-google-dashes.csv", "column date can be read in two ways, .*'03/04/2026' on line 5"),
    ],
)
def test_a_file_with_two_readings_is_asked_about(name: str, says: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(IngestError, match=says):
        read(name)


def test_instants_of_every_form_are_read() -> None:
    """BigQuery's UTC, milliseconds since 1970, and seventeen digits."""
    utc = values(read("bandit-bigquery-utc.csv"), "at")
    assert utc[1] == datetime(2026, 3, 1, 11, 0, 0, 123_456, tzinfo=UTC)
    assert values(read("bandit-epoch-ms.csv"), "at")[0] == datetime(2021, 1, 31, 16, 36, 41, 234_000, tzinfo=UTC)
    milliseconds = read("epoch_millis_bandit.csv", kind="bandit", timestamp="time")
    assert milliseconds.rows == 8 and values(milliseconds, "at")[3] == datetime(2021, 1, 30, 12, 48, 20, tzinfo=UTC)
    digits = read("ipinyou_timestamp.csv", kind="market")
    assert digits.rows == 6 and values(digits, "at")[0] == datetime(2013, 10, 19, 0, 0, 0, 123_000, tzinfo=UTC)


def test_ipinyou_s_own_forms_need_no_map() -> None:
    """The 24 columns of its impressions, and the three of the benchmarks made of them."""
    (row,) = read("ipinyou_raw_imp.txt", kind="market").first_rows
    assert (row["market_price"], row["bid"], row["advertiser"], row["creative"]) == (201, 294, "1458", "7323")
    assert row["at"] == datetime(2013, 6, 6, 0, 1, 4, 8_000, tzinfo=UTC)
    assert read("ipinyou_2997_head.theta.txt", kind="market").rows == 200


def test_rows_and_items_are_what_the_file_shows() -> None:
    """A number that begins again is no id, and a row of 1900 is not of this log."""
    assert read("bandit-restarted-index.csv").rows == 4
    wave = read("bandit-wave-one-row-1900.csv")
    assert (wave.rows, wave.rejected) == (4000, 1) and wave.window_start is not None
    assert wave.window_start.year == 2026
