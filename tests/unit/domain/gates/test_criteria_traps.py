"""Criterion 15: which traps decide, what is said of them, and what a configuration may require."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.contradictions import contradictions
from gaelp.domain.gates.criteria_traps import flattering_traps, judge_traps
from gaelp.domain.gates.measurements import TrapMeasure, TrapsMeasure
from gaelp.domain.gates.verdicts import CriterionVerdict, Inconclusive, Verdict
from gaelp.domain.trap_exams import TRAPS, played_traps, required_traps

GATING = ("immature-days", "average-cost", "organic-harvest")


def trap(name: str, low: float, high: float, required: bool = True) -> TrapMeasure:
    return TrapMeasure(
        name=name, required=required, episodes=128, loss=(low + high) / 2, low=low, high=high, threshold=0.1
    )


def judged(*traps: TrapMeasure, missing: tuple[str, ...] = ()) -> CriterionVerdict:
    return judge_traps(TrapsMeasure(traps=traps, missing=missing))


@pytest.mark.parametrize(
    ("low", "high", "required", "verdict"),
    [
        (0.2, 0.4, True, Verdict.FAIL),
        (0.2, 0.4, False, Verdict.PASS),
        (0.0, 0.05, True, Verdict.PASS),
        (0.05, 0.2, True, Verdict.INCONCLUSIVE),
        (0.05, 0.2, False, Verdict.PASS),
        (0.0, math.nan, False, Verdict.INVALID),
    ],
)
def test_only_required_traps_decide(low: float, high: float, required: bool, verdict: Verdict) -> None:
    """A required trap decides by its bounds, another one is only reported, and a broken number is INVALID."""
    assert judged(trap("halo", low, high, required)).verdict is verdict


def test_a_required_trap_that_was_not_played_is_not_passed() -> None:
    """Nothing graduates because a trap exam could not be played, and no further look is taken for it."""
    verdict = judged(trap("halo", 0.0, 0.05), missing=("price-war",))
    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert verdict.inconclusive is Inconclusive.UNSUPPORTED
    assert "Required and not played: price-war." in verdict.reason


def test_the_reason_says_what_it_fell_into_and_why() -> None:
    """Every trap is named once, and one that the agent fell into with its explanation and its cost."""
    verdict = judged(trap("halo", 0.0, 0.05), trap("price-war", 0.2, 0.4, required=False))
    assert verdict.reason == (
        "Fell into price-war, which cost 30% of the attainable profit, at least 20%: After the first day rivals bid "
        "more than twice as much. Avoided halo (2%). Required here: halo."
    )
    assert judged(trap("halo", 0.0, 0.05, required=False)).reason.endswith("This run requires none.")
    fallen = judged(trap("halo", 0.2, 0.4, required=False), trap("price-war", 0.2, 0.4, required=False)).reason
    assert fallen.endswith("It passes all the same: this run requires none of them.")
    assert flattering_traps(fallen) == ["halo"] and flattering_traps(verdict.reason) == []


def config(**changed: Any) -> TrainingConfiguration:
    return TrainingConfiguration.model_validate(changed)


@pytest.mark.parametrize("profile", ["staging", "production"])
def test_no_setting_takes_the_gating_traps_from_staging_and_production(profile: str) -> None:
    """The three traps that gate are required and played there, whatever the configuration says."""
    chosen = config(profile=profile, simulation={"traps": "required", "required_traps": ["halo"]})
    assert required_traps(chosen) == played_traps(chosen) == (*GATING, "halo")


def test_which_traps_are_played() -> None:
    """Elsewhere none is required; those that gate are played by default, and all or none where it is asked for."""
    assert required_traps(config()) == ()
    assert played_traps(config()) == GATING
    assert played_traps(config(simulation={"traps": "all"})) == tuple(TRAPS)
    assert played_traps(config(simulation={"traps": "required"})) == ()


def test_an_unknown_trap_is_refused_with_a_suggestion() -> None:
    """A misspelled trap is named with the one that was meant, and any other with the list."""
    near, far = contradictions(config(simulation={"required_traps": ["price-wars", "zzz"]}))
    assert near.paths == far.paths == ("simulation.required_traps",)
    assert near.message == "names price-wars, which is no trap: did you mean price-war?"
    assert "use some of immature-days, " in far.message


def test_traps_cannot_be_required_in_a_foreign_environment() -> None:
    """A foreign world plays none of our markets, so a run that requires a trap there is refused before it starts."""
    (refused,) = contradictions(config(environment="other/World-v0", simulation={"required_traps": ["halo"]}))
    assert "other/World-v0 is another package's" in refused.message
    assert not contradictions(config(environment="other/World-v0"))
