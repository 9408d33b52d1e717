"""What is planted is found. Twenty accounts stand in docs/audit.md; touch with scripts/audit_detection.py."""

from __future__ import annotations

from gaelp.domain.exports.findings import FindingKind
from scripts.audit_detection import TROUBLES, found


def test_a_large_trouble_is_found_and_a_small_one_less_often() -> None:
    """Of six accounts with a term that costs ten times as much at least four are told, and of three times no more."""
    counts = found(6, seed=7, only=FindingKind.WASTED)
    _, sizes, _ = TROUBLES[FindingKind.WASTED]
    assert counts[FindingKind.WASTED, sizes[-1]] >= 4
    assert counts[FindingKind.WASTED, sizes[0]] <= counts[FindingKind.WASTED, sizes[-1]]
