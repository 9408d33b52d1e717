"""The verdict of one criterion and of a whole gate. Touch this to add a field to either."""

from __future__ import annotations

from enum import StrEnum

from gaelp.domain.frozen import Frozen
from gaelp.domain.phases import Phase


class Verdict(StrEnum):
    """What a test says. Only PASS promotes."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


class Inconclusive(StrEnum):
    """Why a criterion is INCONCLUSIVE."""

    UNDECIDED = "undecided"  # there are data, and more of them can decide it
    UNSUPPORTED = "unsupported"  # this log or setting can never decide it
    NOT_ASSESSED = "not assessed"  # not built, or not measured in this run


class CriterionVerdict(Frozen):
    """One criterion of docs/gates.md with its numbers."""

    id: str  # "1" to "13", "5a" and "5b"
    name: str  # "average reward"
    verdict: Verdict
    reason: str  # one sentence a growth team understands
    estimate: float | None = None
    bound: float | None = None  # the lower bound that decides
    threshold: float | None = None
    unit: str = ""
    n: int = 0
    formula: str = ""  # a value of Formula, such as "binomial/group-sequential" or "not-assessed"
    inconclusive: Inconclusive | None = None  # which kind of INCONCLUSIVE; none: another verdict

    @property
    def label(self) -> str:
        """The verdict for people, with the kind of INCONCLUSIVE."""
        return f"{self.verdict} ({self.inconclusive})" if self.inconclusive else str(self.verdict)


class GateVerdict(Frozen):
    """The verdict of one gate: all criteria, the attempt it used, what it froze."""

    phase: Phase
    verdict: Verdict
    criteria: tuple[CriterionVerdict, ...]
    attempt: int
    alpha: float
    checkpoint_digest: str
    evidence_digest: str
    promote: bool  # strict: PASS only; advisory: PASS or INCONCLUSIVE
    proven: bool  # every criterion PASS
    heads: tuple[str, ...] = ()  # decision heads that this evidence validated
    reason: str = ""
