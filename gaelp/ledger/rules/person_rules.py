"""What only a named person with a reason may do: clear a violation, and count attempts anew.

Touch this to change who may clear what.
"""

from __future__ import annotations

from gaelp.domain.spending.ledger_records import Violation
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused


def judge_reset(by: str, reason: str) -> Ruling:
    """Whether attempts may be counted anew."""
    return _judge_person(by, reason, "attempts are reset")


def judge_clearing(by: str, reason: str) -> Ruling:
    """Whether a violation may be cleared with what was given."""
    return _judge_person(by, reason, "a violation is cleared")


def judge_second_clearing(violation: Violation, by: str, reason: str) -> Ruling:
    """Whether the same clearing stands already or may be written; what another person wrote stays."""
    if violation.resolved_by is None or (violation.resolved_by, violation.resolution) == (by, reason):
        return GRANTED
    return refused(
        f"violation {violation.id!r} was cleared by {violation.resolved_by} ({violation.resolution}): it stays"
    )


def _judge_person(by: str, reason: str, what: str) -> Ruling:
    if not by.strip() or not reason.strip():
        return refused(f"{what} only by a named person with a reason: give both")
    return GRANTED
