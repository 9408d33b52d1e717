"""docs/exports.md names columns as the verbs read them. Touch this when its table of columns changes."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from gaelp.commands.dispatch import main
from gaelp.records.exports.read_export import read_export
from gaelp.records.logs.ingestion import LogSource
from tests.support.command_line import ROOT

PLATFORMS = ("google-ads", "meta", "microsoft")
CELLS = {
    "date": "2026-09-01", "campaign": "Brand", "impressions": "100", "clicks": "9", "cost": "4.50", "conversions": "1",
    "revenue": "20.00", "budget": "10.00", "budget_type": "Daily", "currency": "EUR", "ad_group": "lamps",
    "search_term": "desk lamp", "placement": "Feed", "arm": "new",
}  # fmt: skip


def _names() -> dict[str, dict[str, list[str]]]:
    """The header names that the page's table gives: platform -> our name -> its names."""
    page = (ROOT / "docs/exports.md").read_text()
    table = page[page.index("| ours | Google Ads |") :].split("\n\n")[0].splitlines()[2:]
    names: dict[str, dict[str, list[str]]] = {platform: {} for platform in PLATFORMS}
    for line in table:
        ours, *theirs = (cell.strip() for cell in line.strip("|").split("|"))
        for platform, text in zip(PLATFORMS, theirs, strict=True):
            if text and not text.startswith("in the header"):
                names[platform][ours] = [each for each in re.split(r", | \(|\)", text) if each]
    return names


def _columns(place: Path, headers: Mapping[str, str]) -> tuple[set[str], str | None, str]:
    with place.open("w", newline="") as file:
        csv.writer(file).writerows([list(headers.values()), [CELLS[name] for name in headers]])
    (export,) = read_export(LogSource(str(place), "report", "export"))
    return set(export.columns) - {"until"}, export.platform, export.currency


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_column_of_the_table_is_read_by_its_name(platform: str, tmp_path: Path) -> None:
    """A file with the page's headers is known as the platform's, and no column of it is passed over."""
    names = _names()[platform]
    first = {ours: theirs[0] for ours, theirs in names.items()}
    if platform == "meta":
        first["cost"] = "Amount spent (EUR)"
    columns, shown, currency = _columns(tmp_path / "export.csv", first)
    assert (columns - {"currency"}, shown, currency) == (set(names) - {"currency"}, platform, "EUR")
    for ours, theirs in names.items():
        for name in theirs[1:]:
            assert ours in _columns(tmp_path / "export.csv", {**first, ours: name})[0], name


def test_the_table_of_any_other_file_is_read_as_it_stands(tmp_path: Path) -> None:
    """The example under `Any other table` gives a page with the platform that is said."""
    page = (ROOT / "docs/exports.md").read_text()
    place = tmp_path / "table.csv"
    place.write_text(next(block for block in page.split("```") if block.startswith("\ndate,campaign")).lstrip())
    assert main(["exposure", str(place), "--platform", "google-ads", "--page", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text().count("<section>") == 1
