"""What only a named person with a reason may do."""

from __future__ import annotations

import pytest

from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import Violation
from gaelp.ledger.rules.person_rules import judge_clearing, judge_reset, judge_second_clearing
from gaelp.ledger.rules.ruling import GRANTED
from tests.support.ledgers import NOW

VIOLATION = Violation(
    id="v1", account="acme", run="run-a", phase=Phase.LIVE_TEST, campaign="c", kind="unchecked-content",
    severity="high", evidence="on the platform", at=NOW,
)  # fmt: skip
CLEARED = VIOLATION.model_copy(update={"resolved_by": "Ada", "resolution": "a test ad"})


def test_a_named_person_with_a_reason_may() -> None:
    """Both a reset of attempts and a clearing are granted."""
    assert judge_reset("Ada", "the market was rebuilt") == judge_clearing("Ada", "a test ad") == GRANTED


@pytest.mark.parametrize(("by", "reason"), [("", "why"), ("Ada", ""), (" ", "why"), ("Ada", "\t")])
def test_nobody_and_no_reason_are_refused(by: str, reason: str) -> None:
    """Blank names and reasons are none."""
    assert judge_reset(by, reason).reason == "attempts are reset only by a named person with a reason: give both"
    assert not judge_reset(by, reason).granted
    assert judge_clearing(by, reason).reason.startswith("a violation is cleared only by a named person")
    assert not judge_clearing(by, reason).granted


def test_a_violation_may_be_cleared_and_the_same_clearing_repeated() -> None:
    """A retry changes nothing."""
    assert judge_second_clearing(VIOLATION, "Ada", "a test ad") == GRANTED
    assert judge_second_clearing(CLEARED, "Ada", "a test ad") == GRANTED


@pytest.mark.parametrize(("by", "reason"), [("Bob", "a test ad"), ("Ada", "another reason")])
def test_what_another_person_or_reason_cleared_stays(by: str, reason: str) -> None:
    """The first clearing is the record."""
    ruling = judge_second_clearing(CLEARED, by, reason)
    assert (ruling.granted, ruling.reason) == (
        False,
        "violation 'v1' was cleared by Ada (a test ad): it stays",
    )
