"""What only a named person with a reason may do."""

from __future__ import annotations

import pytest

from gaelp.ledger.rules.person_rules import PersonsAct, judge_person, judge_second_word
from gaelp.ledger.rules.ruling import GRANTED


@pytest.mark.parametrize("act", PersonsAct)
def test_a_named_person_with_a_reason_may(act: PersonsAct) -> None:
    """Every act is granted to a person who is named and says why."""
    assert judge_person(act, "Ada", "the market was rebuilt") == GRANTED


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("Ada", ""), (" ", "why"), ("Ada", "\t")])
@pytest.mark.parametrize("act", PersonsAct)
def test_nobody_and_no_reason_are_refused(act: PersonsAct, by: str, reason: str) -> None:
    """Blank names and reasons are none, whatever the act; the refusal names it."""
    ruling = judge_person(act, by, reason)
    assert not ruling.granted
    assert (
        ruling.reason == f"{act.split()[0]} not {act.split()[1]}: it takes a named person with a reason, so give both"
    )


def test_the_same_word_may_be_repeated() -> None:
    """A retry changes nothing."""
    assert judge_second_word(PersonsAct.UNDO, "s1", ("Ada", "a test ad"), "Ada", "a test ad") == GRANTED


@pytest.mark.parametrize(("by", "reason"), [("Bob", "a test ad"), ("Ada", "another reason")])
def test_what_another_person_or_reason_said_stays(by: str, reason: str) -> None:
    """The first word is the record."""
    ruling = judge_second_word(PersonsAct.RESOLVE, "v1", ("Ada", "a test ad"), by, reason)
    assert (ruling.granted, ruling.reason) == (False, "alert 'v1' was resolved by Ada (a test ad): it stays")
