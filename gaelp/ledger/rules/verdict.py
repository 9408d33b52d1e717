"""The answer of a rule: granted, or refused with one sentence. Touch this to let every rule say one thing more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """Whether something is allowed; `reason` is a sentence for people and is empty where it is granted."""

    granted: bool
    reason: str = ""


GRANTED = Verdict(True)


def refused(reason: str) -> Verdict:
    """A refusal with its sentence."""
    return Verdict(False, reason)
