"""Every trap catches the policy that believes its numbers, and nobody who does what is right there."""

from __future__ import annotations

import pytest

from gaelp.agents.policies.baselines import FixedBid
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_traps import judge_traps
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.trap_exams import TRAPS
from gaelp.evidence.trap_measurements import measure_traps
from gaelp.market.traps.trap_exam import Examinee, losses
from gaelp.market.traps.trap_scenes import SCENES
from tests.support.trap_policies import NAIVE, RIGHT, made


def verdict(kind: type, trap: str, seed: int) -> Verdict:
    """Of the criterion that requires this trap alone, at the third attempt's level."""
    lost = losses(SCENES[trap], Examinee(made(kind, trap), FixedBid()), (seed, "test", trap))
    config = TrainingConfiguration.model_validate({"simulation": {"required_traps": [trap]}})
    measures = measure_traps({trap: lost.tolist()}, config, alpha_for(3))
    assert measures is not None
    return judge_traps(measures).verdict


def test_traps_and_scenes_are_the_same() -> None:
    """Every trap has its worlds, and a naive and a right policy."""
    assert list(TRAPS) == list(SCENES) == list(NAIVE) == list(RIGHT)


@pytest.mark.parametrize("trap", TRAPS)
def test_who_believes_the_numbers_falls_in(trap: str) -> None:
    """A policy that believes what the trap reports fails it."""
    assert verdict(NAIVE[trap], trap, seed=3) is Verdict.FAIL


@pytest.mark.parametrize("trap", TRAPS)
def test_who_does_what_is_right_avoids_it(trap: str) -> None:
    """The right behaviour of a trap passes it."""
    assert verdict(RIGHT[trap], trap, seed=4) is Verdict.PASS
