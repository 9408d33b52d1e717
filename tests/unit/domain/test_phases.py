"""How a run ends, by the phases that it was asked for and by what their gates proved."""

from __future__ import annotations

import pytest

from gaelp.domain.phases import Outcome, Phase, outcome_of

FIRST, LAST = Phase.SIMULATION, Phase.SCALED


@pytest.mark.parametrize(
    ("first", "last", "unproven", "outcome", "words"),
    [
        (FIRST, LAST, [], Outcome.GRADUATED, "every criterion of every phase passed"),
        (FIRST, LAST, [Phase.HISTORICAL], Outcome.GRADUATED_UNPROVEN, "not proven in historical"),
        (Phase.LIVE_TEST, LAST, [], Outcome.GRADUATED_UNPROVEN, "earlier phases were skipped"),
        (FIRST, Phase.HISTORICAL, [], Outcome.PROMOTED, "end with historical: every criterion so far passed"),
        (FIRST, Phase.SIMULATION, [FIRST], Outcome.PROMOTED, "end with simulation: not proven in simulation"),
        (Phase.LIVE_TEST, Phase.LIVE_TEST, [], Outcome.PROMOTED, "earlier phases were skipped"),
    ],
)
def test_only_a_whole_run_with_every_criterion_passed_is_graduated(
    first: Phase, last: Phase, unproven: list[Phase], outcome: Outcome, words: str
) -> None:
    """What was skipped or is not proven is said; a run that was to end earlier is promoted."""
    ended, reason = outcome_of(first, last, unproven)
    assert ended is outcome and words in reason
