"""The rule that a gate replaces, "80 % success over the last 50 episodes", looked at after every episode.

It is here to be compared with: no gate uses it. Touch this to compare with another rule.
"""

from __future__ import annotations

import numpy as np

from gaelp.evidence.certification.simulated_exams import ExamPlan
from gaelp.evidence.certification.stated_agents import StatedAgent, Stretch, drawn_successes
from gaelp.evidence.sequential_counts import critical_counts, crossing_chances

WINDOW = 50
NAIVE_TRIALS = 1000
RATES = tuple(round(0.5 + 0.025 * step, 3) for step in range(19))  # true success rates of the comparison


def naive_share(agent: StatedAgent, plan: ExamPlan, rng: np.random.Generator) -> float:
    """How many of NAIVE_TRIALS exams of an agent the naive rule passes within the episodes of the looks."""
    episodes = plan.looks.episodes[-1]
    window = min(WINDOW, episodes)
    successes = drawn_successes(agent, Stretch(0, episodes, episodes), NAIVE_TRIALS, rng).astype(np.int64)
    sums = np.cumsum(np.pad(successes, ((0, 0), (1, 0))), axis=1)
    needed = plan.config.simulation.success_rate * window - 1e-9
    return float(((sums[:, window:] - sums[:, :-window]) >= needed).any(axis=1).mean())


def compared_rates(plan: ExamPlan, rng: np.random.Generator) -> list[tuple[float, float, float]]:
    """(true success rate, share that the naive rule passes, chance that criterion 2 passes) for each of RATES."""
    critical = critical_counts(plan.looks, plan.config.simulation.success_rate, plan.alpha)
    return [
        (
            rate,
            naive_share(StatedAgent("", success=rate), plan, rng),
            float(crossing_chances(plan.looks, critical, rate)[-1]),
        )
        for rate in RATES
    ]
