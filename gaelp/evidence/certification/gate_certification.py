"""How often the simulation's gate passes what it should not, and what it should: agents at the boundaries and beyond.

Touch this to certify the gate against another agent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.criteria_table import threshold_of
from gaelp.domain.gates.exam_rules import COLLAPSE_RATE
from gaelp.evidence.betting import clopper_pearson
from gaelp.evidence.certification.naive_rule import naive_share
from gaelp.evidence.certification.simulated_exams import CRITERIA, ExamPlan, Gate, passes
from gaelp.evidence.certification.stated_agents import StatedAgent
from gaelp.evidence.sequential_counts import critical_counts, crossing_chances

EXCEEDED = "exceeded"
CONFIDENCE = 0.05  # of the one-sided Clopper-Pearson bounds
ALL = "1 to 4"
ATTEMPTS_ALPHA = 0.05  # of all attempts of an agent together: what may graduate of one that should not
COUNTED_TIMES = 4  # the exact size of criterion 2 is close to its level, which takes more trials to tell apart


@dataclass(frozen=True)
class Certified:
    """What the gate did with one agent; `limit` is what the share may be at the most, none for a good agent."""

    agent: str
    criterion: str  # "1", or ALL
    trials: int
    passed: int
    limit: float | None
    naive: float | None = None  # the share that "80 % over the last 50" passes; None where it was not asked
    exact: float | None = None  # what the share is by the recursion, where it is known
    runs: bool = False  # the trials were whole runs

    @property
    def share(self) -> float:
        """Of the trials that passed."""
        return self.passed / self.trials

    @property
    def bounds(self) -> tuple[float, float]:
        """One-sided bounds of the true share, by Clopper and Pearson."""
        return clopper_pearson(self.passed, self.trials, CONFIDENCE)

    @property
    def finding(self) -> str:
        """What the trials say of the limit: empty for a good agent."""
        if self.limit is None:
            return ""
        low, high = self.bounds
        return "bounded" if high <= self.limit else EXCEEDED if low > self.limit else "needs more trials"


@dataclass(frozen=True)
class CertifiedCase:
    """An agent, and the criterion of which its passes are counted (0 to 3; None: all four)."""

    agent: StatedAgent
    criterion: int | None
    times: int = 1


def at_the_boundaries(config: TrainingConfiguration) -> tuple[CertifiedCase, ...]:
    """For each criterion an agent that is exactly at its boundary and beyond doubt in everything else."""
    reward, success, improvement = threshold_of("1", config), threshold_of("2", config), threshold_of("3", config)
    anchor = 0.7
    barely = StatedAgent(f"{1 + improvement:g} times the anchor's {anchor}", (1 + improvement) * anchor, 0.12)
    return (
        CertifiedCase(StatedAgent(f"reward {reward:g}, deviation 0.12", reward, 0.12), 0),
        CertifiedCase(StatedAgent(f"reward {reward:g}, all or nothing", reward, 1.0), 0),
        CertifiedCase(StatedAgent(f"success {success:g}", success=success), 1, COUNTED_TIMES),
        CertifiedCase(replace(barely, anchor=anchor), 2),
        CertifiedCase(StatedAgent(f"{COLLAPSE_RATE:.0%} collapses", collapse=COLLAPSE_RATE), 3),
    )


def that_should_not_pass(config: TrainingConfiguration) -> tuple[CertifiedCase, ...]:
    """Agents that are wrong in one respect, judged by the whole gate."""
    good = StatedAgent("", 0.85, 0.1, 0.95, 0.5)
    agents = (
        replace(good, name="reward 0.69", reward=0.69),
        replace(good, name="success 0.79", success=0.79),
        replace(good, name="no improvement", anchor=0.85),
        replace(good, name="mean 0.80 with 15 % collapses", reward=0.906, collapse=0.15),
        replace(good, name="lucky start: 40 episodes", reward=0.66, success=0.75, lucky=40),
        replace(good, name="decaying by 0.35", reward=0.92, fall=0.35),
    )
    return tuple(CertifiedCase(agent, None) for agent in agents)


def success_alone() -> tuple[CertifiedCase, ...]:
    """The same agents as in `that_should_pass`, judged by criterion 2 alone, whose power is known exactly."""
    return tuple(replace(each, criterion=1) for each in that_should_pass())


def that_should_pass() -> tuple[CertifiedCase, ...]:
    """Reward 0.78 with a deviation of 0.12, anchor 0.70, at three success rates."""
    return tuple(
        CertifiedCase(StatedAgent(f"reward 0.78, success {rate:.2f}", 0.78, 0.12, rate, 0.7, normal=True), None)
        for rate in (0.85, 0.86, 0.9)
    )


def certify(
    judged: CertifiedCase, plan: ExamPlan, trials: int, rng: np.random.Generator, gate: Gate | None = None
) -> Certified:
    """Play the exams of one agent; the gate may be another one, to see whether it would be found."""
    number = trials * judged.times
    verdicts = passes(judged.agent, plan, number, rng, gate)
    passed = verdicts.all(axis=1) if judged.criterion is None else verdicts[:, judged.criterion]
    return Certified(
        agent=judged.agent.name,
        criterion=ALL if judged.criterion is None else str(judged.criterion + 1),
        trials=number,
        passed=int(passed.sum()),
        limit=None,
    )


def certified(plan: ExamPlan, trials: int, rng: np.random.Generator, gate: Gate | None = None) -> tuple[Certified, ...]:
    """All agents: first those at the boundaries and those that should not pass, then those that should."""
    wrong = (*at_the_boundaries(plan.config), *that_should_not_pass(plan.config))
    bad = (replace(certify(each, plan, trials, rng, gate), limit=plan.alpha) for each in wrong)
    good = (certify(each, plan, trials, rng, gate) for each in that_should_pass())
    alone = (
        replace(certify(each, plan, trials, rng, gate), exact=_exact(each.agent, plan)) for each in success_alone()
    )
    found = (*bad, *good, *alone)
    agents = [each.agent for each in (*wrong, *that_should_pass(), *success_alone())]
    return tuple(replace(each, naive=naive_share(agent, plan, rng)) for each, agent in zip(found, agents, strict=True))


def _exact(agent: StatedAgent, plan: ExamPlan) -> float:
    """The chance that criterion 2 passes."""
    critical = critical_counts(plan.looks, threshold_of("2", plan.config), plan.alpha)
    return float(crossing_chances(plan.looks, critical, agent.success)[-1])


def power(agent: StatedAgent, plan: ExamPlan, trials: int, rng: np.random.Generator) -> tuple[float, ...]:
    """The share of exams that pass criteria 1 to 4 each, and all of them together."""
    verdicts = passes(agent, plan, trials, rng)
    shares = [float(verdicts[:, number].mean()) for number in range(CRITERIA)]
    return (*shares, float(verdicts.all(axis=1).mean()))
