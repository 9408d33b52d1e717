"""The verb `audit` on the accounts that ship: text, JSON, a page, and one sentence for what cannot be read."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, Finished, shows_no_traceback

HEALTHY, TROUBLED = (str(ROOT / "examples" / name) for name in ("shop.csv", "shop_troubled.csv"))


def test_a_page_and_a_document_show_the_same_findings(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Each finding of the document stands on the page, with its money."""
    page = tmp_path / "audit.html"
    ran = in_process("audit", TROUBLED, "--target-cpa", "30", "--page", str(page), "--json")
    (export,) = json.loads(ran.stdout)["exports"]
    html = page.read_text()
    assert ran.returncode == 0 and len(export["findings"]) == 6
    for finding in export["findings"]:
        assert finding["kind"].replace("-", " ") in html
        assert f"{finding['stake_micros'] / 1e6:,.2f} EUR" in html


def test_nothing_needs_a_service_or_a_folder(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """The verb answers where no service can be reached, and leaves no folder behind."""
    ran = in_process("audit", HEALTHY)
    assert ran.returncode == 0 and "Nothing stands out in what could be looked at." in ran.stdout
    assert "Not looked at: spend-without-conversions, because no target was said" in ran.stdout
    assert not (tmp_path / "home").exists()


def test_anonymous_names_neither_campaign_nor_part(in_process: Callable[..., Finished]) -> None:
    """With --anonymous no name of the file is in the answer."""
    ran = in_process("audit", TROUBLED, "--target-cpa", "30", "--anonymous")
    assert "one ad group of campaign 2" in ran.stdout
    assert not [name for name in ("Display", "Search lamps", "lamp repair", "control") if name in ran.stdout]


def test_amounts_have_their_currency_s_decimals(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """A file in Kuwaiti dinars is answered in thousandths: reasons, figures and what is at stake."""
    place, page = tmp_path / "shop.csv", tmp_path / "page.html"
    place.write_text(Path(TROUBLED).read_text(encoding="utf-8").replace(",EUR,", ",KWD,"), encoding="utf-8")
    said = in_process("audit", str(place), "--page", str(page)).stdout
    for sentence in ("285.500 where 240.000 is allowed", "To be credited: 45.500 (0.000 to 45.500)"):
        assert sentence in said and sentence in page.read_text(encoding="utf-8")
    assert "At stake: 45.500 KWD." in said


DATA = Path(__file__).resolve().parents[5] / "shared" / "data"
REPORTS = (
    "display_campaigns_2020q2.csv.gz",
    "hard_inputs/german_semicolon.csv",
    "hard_inputs/google_ads_preamble.csv",
    "hard_inputs/google_ads_plain_numbers.csv",
    "hard_inputs/google_api_micros.csv",
    "hard_inputs/report-fractional-conversions.csv",
    "hard_inputs/report-cr-only.csv",
)
GERMAN = ("Tag", "Kampagne", "Anzeigengruppe", "Variante", "Budget", "Budgettyp", "Währungscode", "Impr.", "Klicks",
          "Kosten", "Conversions", "Conv.-Wert")  # fmt: skip


def _in_german(row: list[str]) -> list[str]:
    day, *words = row
    numbers = [f"{float(word):,.2f}".translate(str.maketrans(",.", ".,")) for word in (words[3], *words[8:])]
    counts = [f"{int(word):,}".replace(",", ".") for word in words[6:8]]
    year, month, number = day.split("-")
    return [f"{number}.{month}.{year}", *words[:3], numbers[0], "Täglich", words[5], *counts, *numbers[1:]]


def test_a_raw_german_export_gives_the_same_findings(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """UTF-16 with tabs, a title above, a sum below, decimal commas and dots between thousands: no option is needed."""
    with Path(TROUBLED).open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    lines = [["Anzeigengruppenbericht"], ["1. Juni 2026 - 31. August 2026"], list(GERMAN), *map(_in_german, rows)]
    lines.append(["Gesamt", *[""] * 6, "9.999.999", "99.999", "9.999,00", "999,00", "9.999,00"])
    place = tmp_path / "Anzeigengruppenbericht.csv"
    place.write_text("\n".join("\t".join(line) for line in lines), encoding="utf-16")
    said = [
        json.loads(in_process("audit", str(file), "--target-cpa", "30", "--json").stdout)["exports"][0]
        for file in (TROUBLED, place)
    ]
    assert said[0]["findings"] == said[1]["findings"] and len(said[1]["findings"]) == 6


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
@pytest.mark.parametrize("name", REPORTS)
def test_real_campaign_reports_give_a_page_without_a_map(
    name: str, in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """Whatever the file is called and whoever wrote it, the page is there, and it says what was not looked at."""
    page = tmp_path / "page.html"
    ran = in_process("audit", str(DATA / name), "--page", str(page))
    assert ran.returncode == 0 and "Not looked at:" in page.read_text()


def test_snapshots_measure_after_how_many_days_a_day_is_mature(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """Where all conversions come within two days of their click, the last three days are too young, and no more."""
    ages = tmp_path / "ages.csv"
    lines = [
        f"2026-06-{day:02d},a,{age},{count}"
        for day in range(1, 31)
        for age, count in ((0, 5), (1, 3), (2, 2))
        if day + age <= 30
    ]
    ages.write_text("\n".join(["Day,Campaign,Days to conversion,Conversions", *lines]))
    ran = in_process("audit", HEALTHY, "--snapshots", str(ages))
    assert "Click days before 2026-08-29 count as mature, as measured" in ran.stdout


def test_one_target_for_two_currencies_is_refused(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """30 dollars and 30 yen are not one target."""
    place = tmp_path / "two.csv"
    text = "Day,Campaign,Currency code,Impr.,Clicks,Cost,Conversions\n"
    place.write_text(text + "2026-09-01,A,USD,10,1,2.00,1\n2026-09-01,B,JPY,10,1,300,1\n")
    ran = in_process("audit", str(place), "--target-cpa", "30")
    assert ran.returncode == 2 and "--target-cpa: the file has amounts in JPY, USD" in ran.stderr


def test_a_currency_that_is_none_is_wrong_use(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """The sentence asks for a code, with the exit code of wrong usage."""
    place = tmp_path / "shop.csv"
    place.write_text("Day,Campaign,Impr.,Clicks,Cost,Conversions\n2026-09-01,A,10,1,2.00,1\n")
    ran = in_process("audit", str(place), "--currency", "EURO")
    assert ran.returncode == 2 and "'EURO' is no currency of ISO 4217" in ran.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--target-cpa", "cheap"), "--target-cpa"),
        (("--target-cpa", "30.001"), "--target-cpa"),
        (("--split", "control"), "--split control: give an arm and a share above 0, as in control=50"),
        (("--split", "new=0"), "--split new=0"),
        (("--mature-after", "-1"), "--mature-after"),
        (("--orders", "nowhere.csv"), "nowhere.csv"),
        (("--orders", HEALTHY, "--account-zone", "Berlin"), "--account-zone Berlin: there is no such zone"),
        (("--orders", HEALTHY), "order"),
    ],
)
def test_wrong_use_is_one_sentence(in_process: Callable[..., Finished], words: tuple[str, ...], says: str) -> None:
    """What cannot be read for sure ends with exit code 2 and names the option or the column."""
    ran = in_process("audit", HEALTHY, *words)
    assert ran.returncode == 2 and says in ran.stderr
    shows_no_traceback(ran)
