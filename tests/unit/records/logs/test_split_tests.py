"""A/B tests, summed by arm, come in as a kind of log of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gaelp.records.logs.column_readings import Asked
from gaelp.records.logs.ingestion import IngestError, IngestReport, LogSource, ingest, look
from gaelp.records.logs.stored_logs import load_split_test, log_info
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def seen(tmp_path: Path, text: str, zone: str = "", **mapping: str) -> IngestReport:
    """What would be taken of a file with this text."""
    (tmp_path / "test.csv").write_text(text)
    source = LogSource(str(tmp_path / "test.csv"), "split-test", "log", mapping, None, Asked(zone=zone), 1.0)
    return look(source)


def test_an_a_b_test_is_stored_and_read_back(tmp_path: Path) -> None:
    """Rows by day come back in the order of their days, with arms and counts as they were."""
    text = "Day;Experiment;Variant;Impr.;Clicks\n02.09.2026;a;new;1.204;41\n01.09.2026;a;old;900;12\n"
    (tmp_path / "test.csv").write_text(text)
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    try:
        found = ingest(warehouse, LogSource(str(tmp_path / "test.csv"), "split-test", "banner"), NOW)
        log, info = load_split_test(warehouse, "banner"), log_info(warehouse, "banner")
    finally:
        warehouse.close()
    assert found.sums == {"impressions": 2104, "clicks": 53} and info.kind == "split-test"
    assert log["arm"].tolist() == ["old", "new"] and log["experiment"].tolist() == ["a", "a"]
    assert log["impressions"].tolist() == [900, 1204] and log["clicks"].tolist() == [12, 41]


def test_neither_days_nor_an_experiment_s_name_are_needed(tmp_path: Path) -> None:
    """Arm, impressions and clicks are enough, under names of the file's own."""
    found = seen(tmp_path, "group,shown,taps\nA,100,3\nB,100,4\n", arm="group", impressions="shown", clicks="taps")
    assert (found.rows, found.rejected, found.window_start) == (2, 0, None)


@pytest.mark.parametrize(("row", "reason"), [
    (",100,3", "arm is blank"),
    ("C,100,101", "clicks exceed impressions"),
    ("C,1.5,1", "impressions is not a non-negative integer"),
    ("C,100,", "clicks is not a non-negative integer"),
    ("B,100,4", "duplicate of an earlier row"),
])  # fmt: skip
def test_a_row_that_is_no_arm_is_rejected(tmp_path: Path, row: str, reason: str) -> None:
    """A bad row and a row that stands twice are counted by reason; the others stay."""
    found = seen(tmp_path, f"arm,impressions,clicks\nA,100,3\nB,100,4\n{row}\n")
    assert (found.rows, found.reasons) == (2, {reason: 1})


@pytest.mark.parametrize(
    "total",
    ["Total,,200,7", "Gesamt,,200,7", "Grand total:,,200,7", "Total: Experiments,--,200,7", "Test,Total: arms,9,1"],
)
def test_a_sum_of_the_arms_is_left_out_and_counted(tmp_path: Path, total: str) -> None:
    """In the first column or as the arm, as Google Ads writes it; even where it is a third of the file."""
    found = seen(tmp_path, f"experiment,arm,impressions,clicks\nTest,A,100,3\nTest,B,100,4\n{total}\n")
    assert (found.rows, found.rejected, found.notes) == (2, 0, {"a sum of other rows, left out": 1})


def test_an_arm_whose_name_begins_as_a_sum_is_an_arm(tmp_path: Path) -> None:
    """`Total Wireless` is a name."""
    assert seen(tmp_path, "arm,impressions,clicks\nTotal Wireless,100,3\nB,100,4\n").rejected == 0


def test_what_the_file_does_not_show_is_asked_about(tmp_path: Path) -> None:
    """A count with two readings is refused, and a zone for the account's days too."""
    with pytest.raises(IngestError, match="column impressions can be read in two ways"):
        seen(tmp_path, "arm,impressions,clicks\nA,9.000,3\nB,100,4\n")
    with pytest.raises(IngestError, match="the days of a split-test are the account's own"):
        seen(tmp_path, "arm,impressions,clicks\nA,100,3\nB,100,4\n", zone="Europe/Berlin")
