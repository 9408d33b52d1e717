"""What is planted is found. Sixty accounts stand in docs/audit.md; touch with scripts/audit_detection.py."""

from __future__ import annotations

from gaelp.domain.exports.findings import FindingKind
from scripts.audit_detection import TROUBLES, found


def test_a_large_trouble_is_found_and_a_small_one_less_often() -> None:
    """Of six accounts with a term that costs ten times as much at least four are told, and of three times no more."""
    counts = found(6, seed=7, only=FindingKind.WASTED)
    _, sizes, _ = TROUBLES[FindingKind.WASTED]
    assert counts[FindingKind.WASTED, sizes[-1]] >= 4
    assert counts[FindingKind.WASTED, sizes[0]] <= counts[FindingKind.WASTED, sizes[-1]]


def test_a_mix_that_turns_the_average_is_found_in_busy_accounts() -> None:
    """Of two accounts with a hundred times the clicks both are told."""
    assert found(2, seed=7, only=FindingKind.MIXED)[FindingKind.MIXED, 100] == 2
