"""What only a named person with a reason may do: clear a violation, undo a step of monitoring, count attempts anew.

Touch this to change who may clear what.
"""

from __future__ import annotations

from gaelp.domain.monitoring.ladder import UNDOABLE, LadderStep, StepTaken
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


def judge_undoing(step: StepTaken, by: str, reason: str, *, ended: bool) -> Ruling:
    """Whether a step of monitoring may be undone; what another person has undone stays as it is.

    `ended`: monitoring has stopped its campaign, or it has ended otherwise. Why it ended stays as it was then.
    """
    person = _judge_person(by, reason, "a step is undone")
    if not person.granted:
        return person
    if step.step not in UNDOABLE:
        why = "it changed nothing" if step.step is LadderStep.NOTE else "the campaign has ended"
        return refused(f"step {step.key!r} is a {step.step}, which cannot be undone: {why}")
    if step.undone_by and (step.undone_by, step.undone_because) != (by, reason):
        return refused(f"step {step.key!r} was undone by {step.undone_by} ({step.undone_because}): it stays")
    if ended and not step.undone_by:
        return refused(f"campaign {step.campaign} has ended: there is nothing left that an undo could restore")
    return GRANTED


def _judge_person(by: str, reason: str, what: str) -> Ruling:
    if not by.strip() or not reason.strip():
        return refused(f"{what} only by a named person with a reason: give both")
    return GRANTED
