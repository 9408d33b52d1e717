"""docs/gates.md lists the criteria that the code judges. Touch this when the page gets another form."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_table import CRITERIA, threshold_of
from gaelp.domain.gates.criterion import Formula
from gaelp.domain.phases import Phase

PAGE = (Path(__file__).resolve().parents[2] / "docs/gates.md").read_text(encoding="utf-8")


def rows(page: str) -> dict[str, list[str]]:
    """The rows of the page's first table by number, the other cells as they are."""
    table = re.findall(r"^\| (\d+[ab]?) \|(.*)\|$", page.partition("\n## ")[0], re.MULTILINE)
    return {number: [cell.strip() for cell in cells.split("|")] for number, cells in table}


def differences(page: str) -> list[str]:
    """What the page's table says otherwise than CRITERIA; criterion 14 is part of no gate."""
    listed = rows(page)
    wrong = [f"criterion {number}" for number in listed.keys() ^ {*CRITERIA, "14"}]
    for number, each in CRITERIA.items():
        name, _, setting, *_ = listed.get(number, ["", "", ""])
        if name != each.name or (f"`{each.setting}`" in setting) != bool(each.setting):
            wrong.append(f"criterion {number}: {name}, {setting}")
    return wrong


def test_the_page_lists_each_criterion_with_its_name_and_setting() -> None:
    """Nobody looks a criterion up under another number, name or setting than the code's."""
    assert not differences(PAGE)


def test_a_renamed_criterion_is_noticed() -> None:
    """The check finds a planted difference, and a missing row."""
    assert differences(PAGE.replace("| 2 | success rate |", "| 2 | share of successes |"))
    assert differences(PAGE.replace("| 13 | transfer", "| thirteen | transfer"))


def test_the_page_names_every_formula() -> None:
    """A formula id of a verdict can be looked up."""
    assert not [formula.value for formula in Formula if f"`{formula.value}`" not in PAGE]


def test_a_threshold_is_the_settings_value() -> None:
    """A criterion's threshold follows the configuration; one that the code fixes has none to ask for."""
    config = TrainingConfiguration.model_validate({"simulation": {"success_rate": 0.65}})
    assert threshold_of("2", config) == 0.65
    assert {each.phase for each in CRITERIA.values()} == set(Phase)
    with pytest.raises(ValueError, match="criterion 10 has no setting"):
        threshold_of("10", config)
