"""On which side of its estimate a criterion's bound lies, as tables say it. Touch this to say it otherwise."""

from __future__ import annotations


def bound_in_words(estimate: float | None, bound: float | None) -> str:
    """`at least 0.89` below its estimate, `at most 0.11` above it; without an estimate a mere figure."""
    if bound is None:
        return "–"
    side = "" if estimate is None or bound == estimate else "at least " if bound < estimate else "at most "
    return f"{side}{bound:,.4g}"
