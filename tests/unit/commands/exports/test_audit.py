"""The verb `audit` on the accounts that ship: text, JSON, a page, and one sentence for what cannot be read."""

from __future__ import annotations

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
    assert ran.returncode == 0 and "Nothing stands out." in ran.stdout
    assert "Not looked at: spend-without-conversions, because no target was said" in ran.stdout
    assert not (tmp_path / "home").exists()


def test_anonymous_names_neither_campaign_nor_part(in_process: Callable[..., Finished]) -> None:
    """With --anonymous no name of the file is in the answer."""
    ran = in_process("audit", TROUBLED, "--target-cpa", "30", "--anonymous")
    assert "one ad group of campaign 2" in ran.stdout
    assert not [name for name in ("Display", "Search lamps", "lamp repair", "control") if name in ran.stdout]


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
