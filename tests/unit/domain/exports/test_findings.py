"""The order of findings, the shares of the error rate, and which names go on a page that is passed on."""

from __future__ import annotations

import pytest

from gaelp.domain.exports.findings import (
    ERROR_RATE,
    SHOWN,
    TESTED,
    Figure,
    Finding,
    FindingKind,
    FindingPlace,
    audit_of,
    level,
)


def _finding(stake: int) -> Finding:
    return Finding(FindingKind.WASTED, FindingPlace(f"c{stake}"), Figure("x", 1.0, 0.5, 2.0), "reason", stake, "there")


def test_the_most_money_stands_first_and_ten_at_the_most() -> None:
    """Of 13 findings the ten with the most money are shown, and three are counted."""
    answer = audit_of([_finding(stake) for stake in range(13)], [])
    assert [each.stake_micros for each in answer.findings] == list(range(12, 2, -1))
    assert (len(answer.findings), answer.left_out) == (SHOWN, 3)


def test_the_levels_of_all_tests_add_up_to_the_error_rate() -> None:
    """However many tests each kind makes, the chance of any false finding stays at 5 % by Bonferroni's rule."""
    assert sum(tests * level(tests) for tests in range(1, len(TESTED) + 1)) == pytest.approx(ERROR_RATE)


def test_what_people_searched_for_is_not_passed_on() -> None:
    """A search term may hold a name, so that a page names campaigns and nothing else of the file."""
    assert str(FindingPlace("a", "search_term", "jane doe")) == "search term 'jane doe' of campaign a"
    assert str(FindingPlace("a", "search_term", "jane doe").passed_on) == "one search term of campaign a"
    assert str(FindingPlace("a", "ad_group", "lamps").renamed({"a": "campaign 1"})) == "one ad group of campaign 1"
