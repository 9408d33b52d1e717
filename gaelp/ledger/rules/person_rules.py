"""What only a named person with a reason may do: resolve, silence, undo, count attempts anew.

One rule for all of them: a name and a reason must be given, the same word again changes nothing, and what another
person said stays. Touch this to change who may do it.
"""

from __future__ import annotations

from enum import StrEnum

from gaelp.domain.monitoring.ladder import UNDOABLE, LadderStep, StepTaken
from gaelp.ledger.rules.ruling import GRANTED, Ruling, refused

PersonsWord = tuple[str, str]
"""Who did something, and why."""


class PersonsAct(StrEnum):
    """What a person does, in the words of a refusal: the thing, and what is done to it."""

    RESOLVE = "alert resolved"
    SILENCE = "alert silenced"
    UNDO = "step undone"
    RESET = "series reset"


def judge_person(act: PersonsAct, by: str, reason: str) -> Ruling:
    """Whether somebody is named, and a reason is given."""
    if by.strip() and reason.strip():
        return GRANTED
    thing, done = act.split()
    return refused(f"{thing} not {done}: it takes a named person with a reason, so give both")


def judge_second_word(act: PersonsAct, name: str, before: PersonsWord, by: str, reason: str) -> Ruling:
    """Whether it is the word that was given before, so that nothing changes; what another person said stays."""
    if before == (by, reason):
        return GRANTED
    thing, done = act.split()
    return refused(f"{thing} {name!r} was {done} by {before[0]} ({before[1]}): it stays")


def judge_undoing(step: StepTaken, *, ended: bool) -> Ruling:
    """Whether a step of monitoring is one that can be undone.

    `ended`: monitoring has stopped its campaign, or it has ended otherwise. Why it ended stays as it was then.
    """
    if step.step not in UNDOABLE:
        why = "it changed nothing" if step.step is LadderStep.NOTE else "the campaign has ended"
        return refused(f"step {step.key!r} is a {step.step}, which cannot be undone: {why}")
    if ended and not step.undone_by:
        nothing = f"campaign {step.campaign} has ended: there is nothing left that an undo could restore"
        return refused(f"{nothing}; `starter.py resolve` answers its alert")
    return GRANTED
