"""What happened to a run between two looks at it, a sentence each: for whoever waits, in a terminal or in Python.

Touch this when somebody who waits should hear of one thing more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gaelp.commands.console import instant, money
from gaelp.commands.watching.snapshot import PhaseView, RunView
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.phases import Status


class RunEventKind(StrEnum):
    """What a RunEvent is about."""

    BEGAN = "began"  # the run or a phase
    MEASURED = "measured"  # a round or a batch, in figures
    JUDGED = "judged"  # a phase has ended, with its gate's verdict where it had one
    NEEDS_YOU = "needs-you"  # nothing goes on until a person decides
    HELD = "held"  # a campaign by monitoring, until a person undoes it; the run goes on
    WAITS = "waits"  # for something that is out of reach; it goes on by itself
    ENDED = "ended"  # the run


@dataclass(frozen=True)
class RunEvent:
    """One thing that happened to a run; `phase` is empty where it is about the whole run."""

    run: str
    kind: RunEventKind
    phase: str
    sentence: str


def happened(before: RunView | None, now: RunView) -> Iterator[RunEvent]:
    """What is new in `now`; everything that has happened so far where nobody looked before."""
    if before is None:
        yield RunEvent(now.run, RunEventKind.BEGAN, "", f"{now.run} began at {instant(now.started)}")
    known = {each.phase: each for each in before.phases} if before else {}
    for phase in now.phases:
        yield from _of_phase(now, known.get(phase.phase), phase)
    yield from _by_monitoring(before, now)
    if now.waits and now.waits != (before.waits if before else ""):
        yield RunEvent(now.run, RunEventKind.WAITS, now.phase, f"{now.run} waits: {now.waits}")
    if before and before.waits and not now.waits and not now.ended:
        yield RunEvent(now.run, RunEventKind.WAITS, now.phase, f"{now.run} goes on")
    if now.ended and not (before and before.ended):
        yield RunEvent(now.run, RunEventKind.ENDED, "", _end(now))


def _of_phase(now: RunView, before: PhaseView | None, phase: PhaseView) -> Iterator[RunEvent]:
    name = f"{now.run}/{phase.phase}"
    if before is None:
        yield RunEvent(now.run, RunEventKind.BEGAN, phase.phase, f"{name} began")
    if phase.ended:
        if not (before and before.ended):
            yield RunEvent(now.run, RunEventKind.JUDGED, phase.phase, f"{name} ended: {_judged(now, phase)}")
    elif (need := needed(now.run, phase)) and not (before and needed(now.run, before) == need):
        yield RunEvent(now.run, RunEventKind.NEEDS_YOU, phase.phase, need)


def _by_monitoring(before: RunView | None, now: RunView) -> Iterator[RunEvent]:
    known, phase = before.held if before else (), str(now.phase)
    for each in now.held:
        if each not in known:
            yield RunEvent(now.run, RunEventKind.HELD, phase, each)
    if known and not now.held and not now.ended:
        yield RunEvent(now.run, RunEventKind.HELD, phase, f"{now.run}: monitoring holds nothing back any more")


def needed(run: str, phase: PhaseView) -> str:
    """What a person is needed for, with the command for it; empty where nobody is."""
    name = f"{run}/{phase.phase}"
    if phase.ended:
        return ""
    if phase.state == Status.AWAITING_APPROVAL:
        return f"{name} waits for your approval: `starter.py approve {run}`, or `starter.py reject {run}`"
    if phase.state == Status.PAUSED:
        return f"{name} is paused: `starter.py resume {run}` lets it go on"
    return ""


def needs_somebody(now: RunView) -> str:
    """The first thing that a person is needed for; empty where the run has ended or goes on by itself."""
    if now.ended:
        return ""
    if found := next((need for phase in now.phases if (need := needed(now.run, phase))), ""):
        return found
    if now.state == Status.PAUSED:
        return f"{now.run} is paused: `starter.py resume {now.run}` lets it go on"
    return next(iter(now.held_for_person), "")


def measured(run: str, step: str, values: dict[str, float]) -> RunEvent:
    """One entry of a run's live metrics."""
    shown = "  ".join(f"{name}={value:,.4g}" for name, value in sorted(values.items()))
    return RunEvent(run, RunEventKind.MEASURED, step.split("/")[0], f"{run}/{step}: {shown}")


def _judged(now: RunView, phase: PhaseView) -> str:
    passed = sum(each.verdict is Verdict.PASS for each in phase.criteria)
    parts = [phase.verdict or phase.state]
    if phase.criteria:
        parts.append(f"{passed} of {len(phase.criteria)} criteria passed")
    if phase.spend_micros:
        parts.append(f"{money(phase.spend_micros, now.currency)} spent")
    return ", ".join([*parts, *([phase.reason] if phase.reason else [])])


def _end(now: RunView) -> str:
    spent = money(now.spend_micros, now.currency)
    return f"{now.run} ended: {now.outcome or now.state}{f', {now.reason}' if now.reason else ''}; {spent} spent"
