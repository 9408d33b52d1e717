"""The page that `audit` writes holds every answer, or why there is none. Touch with whole_page.py."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Finished

Run = Callable[..., Finished]
HEADER = "Tag;Kampagne;Kampagnenstatus;Budget;Budgettyp;Währungscode;Impr.;Klicks;Kosten;Conversions;Conv.-Wert\n"


@pytest.fixture
def german(tmp_path: Path) -> Path:
    """30 days of a raw export in German number format: 100.00 a day for 50 conversions worth 1,000.00."""
    rows = [f'{day:02d}.09.2026;Anna Müller;Aktiviert;"100,00";Täglich;EUR;12.040;410;"100,00";"50,00";"1.000,00"\n'
            for day in range(1, 31)]  # fmt: skip
    place = tmp_path / "konto.csv"
    place.write_text("Kampagnenbericht\n" + HEADER + "".join(rows), encoding="utf-16")
    return place


@pytest.fixture
def earlier(german: Path, tmp_path: Path) -> list[str]:
    """The same export of the two evenings before; the last day of each has 40 of its 50 conversions."""
    lines, places = german.read_text(encoding="utf-16").splitlines(keepends=True), []
    for number in (1, 2):
        places.append(tmp_path / f"before{number}.csv")
        last = lines[-number - 1].replace('"50,00"', '"40,00"')
        places[-1].write_text("".join((*lines[: -number - 1], last)), encoding="utf-8")
    return list(map(str, places))


def test_all_four_parts_stand_on_one_page(in_process: Run, german: Path, earlier: list[str], tmp_path: Path) -> None:
    """October may bill 30.4 x 100 with no day of it billed, and 31 x 200 edited; a cap of 3,000 is exceeded then."""
    page = tmp_path / "page.html"
    words = ("--cap", "3000/month", "--daily-budget", "25", "--snapshots", earlier[0], earlier[0])
    refused = in_process("audit", str(german), "--page", str(page), *words)
    assert refused.returncode == 2 and "same day" in refused.stderr
    ran = in_process("audit", str(german), "--page", str(page), *words[:4], "--snapshots", *earlier)
    assert ran.returncode == 0, ran.stderr
    html = page.read_text()
    assert "3,040.00 EUR" in html and "6,200.00 EUR" in html and "A cap of 3,000.00 EUR" in html
    assert "Half of the conversions have come" in html and "true ROI" in html
    assert html.count("<svg") == 3 and html.count("<section>") == 4


def test_one_page_has_one_opinion_of_mature_days(
    in_process: Run, german: Path, earlier: list[str], tmp_path: Path
) -> None:
    """What stands out, the lag and the plan say one and the same sentence: measured, as was said, or assumed."""
    page = tmp_path / "page.html"
    words = ("audit", str(german), "--daily-budget", "25", "--page", str(page))
    for more, first_young, parts in (
        (("--snapshots", *earlier), "2026-09-29", 3),
        (("--mature-after", "5"), "2026-09-26", 2),
        (("--mature-after", "5", "--today", "2026-10-03"), "2026-09-28", 2),
        ((), "2026-09-17", 2),
    ):
        assert in_process(*words, *more).returncode == 0
        html = page.read_text()
        said = re.findall(r"Click days before (\S+) count as mature", html)
        assert said == [first_young] * parts, (more, said)
        assert ("as measured" in html) == ("--snapshots" in more)


def test_what_is_not_known_is_said_and_nobody_is_named(in_process: Run, german: Path, tmp_path: Path) -> None:
    """Without snapshots and a budget each part says why; neither the file's place nor a name stands on the page."""
    page = tmp_path / "page.html"
    ran = in_process("audit", str(german), "--page", str(page), "--anonymous")
    assert ran.returncode == 0, ran.stderr
    html = page.read_text()
    assert "say what the test may have a day" in html and "Days to conversion" in html and "campaign 1" in html
    assert not any(name in html for name in ("Müller", "konto", str(tmp_path)))


def test_options_of_the_page_need_one(in_process: Run, german: Path) -> None:
    """A cap that nobody would show is refused, and so is an amount that is none."""
    ran = in_process("audit", str(german), "--cap", "3000/month")
    assert ran.returncode == 2 and "--page" in ran.stderr
    ran = in_process("audit", str(german), "--daily-budget", "many", "--page", str(german.with_suffix(".html")))
    assert ran.returncode == 2 and "--daily-budget 'many' is not an amount" in ran.stderr
