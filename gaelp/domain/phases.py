"""The phases of a run in their order, and how a run stands and ends. Touch this to add a phase or an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Phase(StrEnum):
    """The four phases of a run, in order."""

    SIMULATION = "simulation"
    HISTORICAL = "historical"
    LIVE_TEST = "live-test"
    SCALED = "scaled"


PHASE_ORDER: tuple[Phase, ...] = tuple(Phase)


def phases_between(first: Phase, last: Phase) -> tuple[Phase, ...]:
    """The phases from `first` to `last`, both included; none where `last` comes before `first`."""
    return PHASE_ORDER[PHASE_ORDER.index(first) : PHASE_ORDER.index(last) + 1]


LIVE_HEADS: tuple[str, ...] = ("bid_micros", "creative_prob")
"""The heads that a platform of this version takes."""


class Outcome(StrEnum):
    """How a run ended."""

    GRADUATED = "graduated"
    GRADUATED_UNPROVEN = "graduated-unproven"
    PROMOTED = "promoted"  # through the phases that were asked for, where these were not all
    NOT_GRADUATED = "not-graduated"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"  # by something that is no doing of the agent: an outage, a refused launch


GOOD_ENDS = (Outcome.GRADUATED, Outcome.GRADUATED_UNPROVEN, Outcome.PROMOTED)
"""How a run ends that went through every phase it was asked for."""


def outcome_of(first: Phase, last: Phase, unproven: Sequence[Phase]) -> tuple[Outcome, str]:
    """How a run ends that no gate has ended, and why.

    It went from the phase `first` through `last`; `unproven` are those whose gate did not pass every criterion.
    """
    skipped = "earlier phases were skipped" if first is not PHASE_ORDER[0] else ""
    why = f"not proven in {', '.join(unproven)}" if unproven else skipped
    if last is not PHASE_ORDER[-1]:
        return Outcome.PROMOTED, f"the run was to end with {last}: {why or 'every criterion so far passed'}"
    if why:
        return Outcome.GRADUATED_UNPROVEN, why
    return Outcome.GRADUATED, "every criterion of every phase passed"


class Status(StrEnum):
    """What a run is doing now: the search attribute GaelpStatus, which is the run's Outcome once it has ended."""

    RUNNING = "running"
    PAUSED = "paused"
    AWAITING_APPROVAL = "awaiting-approval"
    STOPPING = "stopping"
