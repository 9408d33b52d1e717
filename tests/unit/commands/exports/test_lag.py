"""The verb `lag` on the triangle that tests/unit/evidence/exports/test_conversion_lag.py works by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Finished

Run = Callable[..., Finished]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Three exports, each of the evening of its last day."""
    places = []
    for last, counts in enumerate(((4,), (8, 6), (10, 12, 5)), start=1):
        rows = [f"2026-09-0{day},Brand,10,5,1.00,{count}\n" for day, count in enumerate(counts, start=1)]
        places.append(tmp_path / f"{last}.csv")
        places[-1].write_text("Day,Campaign,Impr.,Clicks,Cost,Conversions\n" + "".join(rows))
    return list(map(str, places))


def test_daily_exports_give_the_lag(in_process: Run, files: list[str], tmp_path: Path) -> None:
    """40 % have come by the click's own day, 80 % one day later; 10.5 conversions are still to come."""
    ran = in_process("lag", *files, "--page", str(tmp_path / "page.html"), "--json")
    document = json.loads(ran.stdout)
    assert document["come_by_age"] == pytest.approx([0.4, 0.8, 1.0], abs=1e-6)
    assert (document["median_age"]["value"], document["age_of_90_percent"]["value"]) == (1, 2)
    assert document["still_to_come"]["value"] == pytest.approx(10.5, abs=1e-3)
    assert document["mature_until"] is None and document["today"] == "2026-09-04"
    page = (tmp_path / "page.html").read_text()
    assert "Half of the conversions have come" in page and "<svg" in page
    assert not (tmp_path / "home").exists()


def test_later_on_the_days_are_mature(in_process: Run, files: list[str]) -> None:
    """Two weeks later each day is older than the bound, and nothing is still to come."""
    ran = in_process("lag", *files, "--today", "2026-09-20")
    assert "Click days up to 2026-09-03 are mature" in ran.stdout
    assert in_process("lag", *files, "--today", "2026-09-02").returncode == 2


def test_one_export_that_cannot_tell_says_what_to_download(in_process: Run, files: list[str]) -> None:
    """Exit code 2 and a sentence."""
    ran = in_process("lag", files[2])
    assert ran.returncode == 2 and "Days to conversion" in ran.stderr and "Traceback" not in ran.stderr


def test_an_early_day_drops_no_row_in_silence(in_process: Run, tmp_path: Path) -> None:
    """A --today within the days of one export is refused, and the day after them is taken."""
    place = tmp_path / "ages.csv"
    rows = [f"2026-09-0{day},Brand,{age},5\n" for day in (1, 2, 3) for age in (0, 1) if day + age <= 3]
    place.write_text("Day,Campaign,Days to conversion,Conversions\n" + "".join(rows))
    ran = in_process("lag", str(place), "--today", "2026-09-03")
    assert ran.returncode == 2 and "is not after the last day" in ran.stderr and "2026-09-03" in ran.stderr
    assert in_process("lag", str(place), "--today", "2026-09-04").returncode == 0
