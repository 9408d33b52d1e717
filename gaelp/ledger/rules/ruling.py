"""The answer of a rule: granted, or refused with one sentence. Touch this to let every rule say one thing more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ruling:
    """Whether something is allowed; `reason` is a sentence for people and is empty where it is granted."""

    granted: bool
    reason: str = ""


GRANTED = Ruling(True)


def refused(reason: str) -> Ruling:
    """A refusal with its sentence."""
    return Ruling(False, reason)
