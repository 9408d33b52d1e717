"""Ages of conversions are read from one export that says them, or from several; what cannot be told is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from gaelp.domain.exports.conversion_ages import AgedConversions
from gaelp.records.exports.read_ages import read_triangle
from gaelp.records.logs.ingestion import LogSource
from gaelp.records.logs.log_files import IngestError

File = Callable[..., LogSource]


@pytest.fixture
def file(tmp_path: Path) -> File:
    def write(text: str, name: str = "export.csv") -> LogSource:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return LogSource(str(tmp_path / name), "report", "export")

    return write


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [
        ("<1 day", 0, 0), ("LESS_THAN_ONE_DAY", 0, 0), ("Weniger als 1 Tag", 0, 0), ("1-2 days", 1, 1),
        ("1 to 2 days", 1, 1), ("14–21 days", 14, 18), ("FORTY_FIVE_TO_SIXTY_DAYS", 18, 18), ("2 bis 3 Tage", 2, 2),
        ("3", 3, 3), ("FOURTEEN_TO_TWENTY_ONE_DAYS", 14, 18), ("SIX_TO_SEVEN_DAYS", 6, 6),
    ],
)  # fmt: skip
def test_days_to_conversion_as_google_writes_them(file: File, written: str, first: int, last: int) -> None:
    """A bucket holds its first day and not its last (Google Ads API, ConversionLagBucket).

    The click is 19 days before the last one, so that ages up to 18 were watched.
    """
    rows = f"2026-09-01,A,{written},2\n2026-09-20,A,<1 day,1\n"
    source = file(f"Day,Campaign,Days to conversion,Conversions\n{rows}")
    cells = read_triangle([source], None).cells
    expected = [AgedConversions(date(2026, 9, 1), first, last, 2)] if first < 18 else []
    assert list(cells) == expected


def test_the_dates_of_conversions(file: File) -> None:
    """With a conversion date the age is in calendar days; what has none is counted and left out."""
    text = "click day,conversion date,conversions\n2026-09-01,2026-09-03,2\n2026-09-02,2026-09-02,1.5\n2026-09-02,,4\n"
    source = file(text)
    source = LogSource(source.path, "report", "export", {"date": "click day"})
    triangle = read_triangle([source], date(2026, 9, 5))
    assert [(cell.day.day, cell.first_age, cell.conversions) for cell in triangle.cells] == [(1, 2, 2), (2, 0, 1.5)]
    assert triangle.watched == {date(2026, 9, day): 4 - day for day in (1, 2, 3, 4)}
    assert triangle.without_age == 4


def test_daily_exports(file: File) -> None:
    """Whole exports of three days, campaigns and all, are a triangle."""
    head = "Tag;Kampagne;Impr.;Klicks;Kosten;Conversions\n"
    first = file(head + '01.09.2026;A;1.204;9;"1,50";"4,00"\n', "1.csv")
    second = file(head + '01.09.2026;A;1.204;9;"1,50";"5,50"\n02.09.2026;A;1.204;9;"1,50";"2,00"\n', "2.csv")
    cells = [(cell.day.day, cell.first_age, cell.conversions) for cell in read_triangle([second, first], None).cells]
    assert cells == [(1, 0, 4.0), (1, 1, 1.5), (2, 0, 2.0)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Day,Campaign,Conversions\n2026-09-01,A,3\n", "Days to conversion.*on several days"),
        ("Day,Days to conversion,Conversions\n2026-09-01,soon,3\n", "line 2 has 'soon'"),
        ("date,conversion date,conversions\n2026-09-03,2026-09-01,3\n", "line 2 has a conversion before its click"),
        ("Week,Days to conversion,Conversions\n2026-09-07,<1 day,3\n", "segmented by day"),
    ],
)
def test_what_cannot_tell_is_refused(file: File, text: str, says: str) -> None:
    """One sentence names the line, or what to download."""
    with pytest.raises(IngestError, match=says):
        read_triangle([file(text)], None)
