"""Many exams of stated agents by the gate itself. Touch with gaelp/evidence/certification/simulated_exams.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.criteria_simulation import judge_simulation
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.gates.measurements import Anchor
from gaelp.domain.gates.verdicts import Verdict
from gaelp.evidence.certification.gate_certification import (
    EXCEEDED,
    CertifiedCase,
    at_the_boundaries,
    certified,
    certify,
    power,
    that_should_pass,
)
from gaelp.evidence.certification.simulated_exams import ExamPlan, ExamTrials, exam_plan, passes, real_gate
from gaelp.evidence.certification.stated_agents import StatedAgent
from gaelp.evidence.exam_measurements import ExamEvidence, measure_simulation
from gaelp.evidence.sequential_counts import critical_counts, crossing_chances
from gaelp.messages.episode_batch import BatchResult

CONFIG = TrainingConfiguration()
PLAN = exam_plan(CONFIG, alpha_for(1))
TRIALS = 1000


def peeking(trials: ExamTrials, plan: ExamPlan) -> np.ndarray:
    """The gate that compares bare rates with the thresholds at every look, and never asks for a bound."""
    n = np.array(plan.looks.episodes)
    success = (trials.successes / n >= CONFIG.simulation.success_rate).any(axis=1)
    sums = trials.rewards.cumsum(axis=1)[:, n - 1] / n
    reward = np.broadcast_to((sums >= CONFIG.simulation.average_reward).any(axis=1), success.shape)
    return np.stack([reward, success, success, success], axis=1)


def test_a_trial_is_judged_as_a_real_exam_of_the_same_episodes() -> None:
    """Batches of the same rewards, successes, anchors and block get the same four verdicts from the real path."""
    rng = np.random.default_rng(2)
    rewards, anchors = (np.clip(rng.normal(mean, 0.15, (40, 512)), 0, 1) for mean in (0.735, 0.69))
    success = (rng.random((40, 512)) < 0.84).astype(np.int64)
    block = np.clip(rng.normal(0.78, 0.17, (40, 50)), 0, 1)
    counts = success.reshape(40, 4, 128).sum(axis=2).cumsum(axis=1)
    found = real_gate(ExamTrials(rewards, anchors, counts, block), PLAN)
    for at in range(40):
        exams = [batch(i, *(column[at, 32 * i : 32 * i + 32] for column in (rewards, success, anchors)))
                 for i in range(16)]  # fmt: skip
        last = batch(0, block[at], np.ones(50), block[at])
        judged = judge_simulation(measure_simulation(ExamEvidence(exams, Anchor.ENTRY, [last]), CONFIG, PLAN.alpha))
        assert found[at].tolist() == [each.verdict is Verdict.PASS for each in judged]
    assert 0 < found.mean() < 1


def batch(index: int, rewards: np.ndarray, successes: np.ndarray, anchors: np.ndarray) -> BatchResult:
    return BatchResult(
        index=index, purpose="exam", state=EpisodeState.SETTLED, trajectory_digest=None, episodes=len(rewards),
        rewards=tuple(rewards), raw_rewards=tuple(rewards), successes=tuple(map(bool, successes)),
        anchor_rewards=tuple(anchors),
    )  # fmt: skip


def test_no_boundary_is_passed_beyond_its_level() -> None:
    """At each criterion's boundary the share that passes is not above alpha_1 beyond chance."""
    rng = np.random.default_rng(7)
    for judged in at_the_boundaries(CONFIG):
        found = certify(judged, PLAN, TRIALS, rng)
        assert found.bounds[0] <= PLAN.alpha, found


def test_the_share_at_the_boundary_of_the_success_rate_is_the_exact_one() -> None:
    """0.0285 by the recursion lies within the trials' bounds, so that the trials are trials of that very gate."""
    judged = next(each for each in at_the_boundaries(CONFIG) if each.criterion == 1)
    found = certify(judged, PLAN, TRIALS, np.random.default_rng(3))
    exact = crossing_chances(PLAN.looks, critical_counts(PLAN.looks, 0.8, PLAN.alpha), 0.8)[-1]
    assert found.trials == 4 * TRIALS
    assert found.bounds[0] <= exact <= found.bounds[1]


def test_a_gate_that_peeks_is_found() -> None:
    """A bare comparison at each look exceeds the level at the boundaries of reward and success, and is called so."""
    found = certified(PLAN, 200, np.random.default_rng(5), peeking)
    assert {"1", "2"} <= {each.criterion for each in found if each.finding == EXCEEDED}
    honest = certified(PLAN, 200, np.random.default_rng(5))
    assert not [each.agent for each in honest if each.finding == EXCEEDED]


def test_good_agents_pass_as_often_as_was_promised() -> None:
    """All four criteria in one attempt: 75, 88 and 97 % at success rates of 0.85, 0.86 and 0.90, less three errors."""
    rng = np.random.default_rng(11)
    for judged, promised in zip(that_should_pass(), (0.75, 0.88, 0.97), strict=True):
        share = certify(judged, PLAN, TRIALS, rng).share
        assert share >= promised - 3 * np.sqrt(promised * (1 - promised) / TRIALS)


@pytest.mark.parametrize(
    ("wrong", "criterion"),
    [({"reward": 0.6}, 0), ({"success": 0.7}, 1), ({"anchor": 0.85}, 2), ({"collapse": 0.3}, 3)],
)
def test_what_is_wrong_in_one_respect_is_refused_by_its_criterion(wrong: dict[str, float], criterion: int) -> None:
    """And by that criterion at least, so that each of the four is needed."""
    good = StatedAgent("x", 0.85, 0.05, 0.97, 0.3)
    assert passes(good, PLAN, 50, np.random.default_rng(1)).all(axis=1).mean() > 0.9
    assert not passes(replace(good, **wrong), PLAN, 50, np.random.default_rng(1))[:, criterion].any()


def test_power_rises_with_the_size_of_the_exam() -> None:
    """Twice the batches in each look pass an agent at 0.84 more often, by criterion 2 and by all four."""
    agent = StatedAgent("x", 0.85, 0.05, 0.84, 0.3)
    small, large = (power(agent, exam_plan(CONFIG, PLAN.alpha, size), 300, np.random.default_rng(1)) for size in (4, 8))
    assert large[1] > small[1] + 0.1 and large[4] > small[4] + 0.1
    assert small[4] <= min(small[:4])


def test_own_campaigns_are_one_episode_of_the_plan_as_they_are_of_the_exam() -> None:
    """Four campaigns that share an audience are a quarter of the episodes."""
    config = TrainingConfiguration.model_validate({"market": {"own_campaigns": 4}})
    assert exam_plan(config, 0.03).looks.episodes == (32, 64, 96, 128)


def test_equal_seeds_give_equal_trials() -> None:
    """Randomness is an argument: the same generator, the same passes."""
    judged = CertifiedCase(StatedAgent("x", 0.75, 0.2, 0.84, 0.7), None)
    first, second = (certify(judged, PLAN, 100, np.random.default_rng(9)) for _ in range(2))
    assert first == second
