"""What a curriculum is worth: equal budgets of episodes with the curriculum, with all tasks alike, and with none.

    PYTHONPATH=. python scripts/curriculum_worth.py [--agent NAME] [--seeds N]

The curriculum's sampling, and the reward from which an episode counts, are chosen on development seeds by the regret in
the run's own market. All ways are then compared once on held-out seeds. The episodes of the tasks' exams are part of
the budget. Touch this to compare another way to train.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.stats import t

from gaelp.agents.agent_entry_points import load_own
from gaelp.agents.contract import State
from gaelp.arrays import F8
from gaelp.configuration import loading
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.curriculum_section import Curriculum
from gaelp.domain.curriculum import standings
from gaelp.domain.curriculum.standings import CurriculumState
from gaelp.domain.curriculum.task_checks import sizes, task_configuration, tasks_of
from gaelp.domain.episodes import BatchPurpose
from gaelp.domain.gates.judging import alpha_for
from gaelp.evidence import mastery
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.episodes.batch import BatchKey, DecidingAgent, simulate
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.messages.episode_batch import BatchResult

BATCHES = 32  # of 32 campaigns: the budget of training and of the exams of tasks together
WIDTH = 4  # batches of a round
EXAM_BATCHES, TASK_BATCHES = 4, 1  # that examine the trained agent in its own market, and in each task
DEVELOPMENT, HELD_OUT = 1_000, 2_000  # the first seed of each kind
CANDIDATES = tuple(
    Curriculum(source="built-in", sampling=sampling, reward=reward)
    for sampling in ("uniform", "learning-progress")
    for reward in (0.5, 0.7)
)


@dataclass(frozen=True)
class World:
    """A market to train in."""

    config: TrainingConfiguration
    market: MarketParameters

    def play(self, deciding: DecidingAgent, index: int, purpose: BatchPurpose) -> tuple[State, BatchResult]:
        """One batch of it."""
        return simulate(self.market, deciding, self.config, BatchKey(index, purpose, 1))


@cache
def worlds(seed: int) -> tuple[World, ...]:
    """The run's own market, then that of each task that ships."""
    base = ["historical.logs=[]", "curriculum.source=built-in", f"seed={seed}"]
    config = loading.load("quick-test", environment={}, overrides=base)
    found = [World(config, calibrate([], config))]
    for task in tasks_of(config):
        changed = task_configuration(config, task)
        whole = {name: getattr(config.market, name) for name in ("segments", "creatives")}
        drawn = changed.model_copy(update={"market": changed.market.model_copy(update=whole)})
        found.append(World(changed, calibrate([], drawn).first_of(*sizes(config, task))))
    return tuple(found)


@dataclass
class Training:
    """An agent in training, and what is left of its budget."""

    deciding: DecidingAgent
    seed: int
    played: int = 0
    examined: int = 0

    def round(self, tasks: Sequence[int]) -> list[BatchResult]:
        """Play a batch in each of these worlds, by their places in `worlds`, and learn from them."""
        batches = [
            worlds(self.seed)[task].play(self.deciding, self.played + at, BatchPurpose.TRAIN)
            for at, task in enumerate(tasks)
        ]
        self.played += len(tasks)
        state = self.deciding.agent.learn(self.deciding.state, [trajectory for trajectory, _ in batches])
        self.deciding = replace(self.deciding, state=state)
        return [result for _, result in batches]

    def exam(self, tasks: Sequence[int], batches: int) -> list[BatchResult]:
        """Held-out batches of each of these tasks, which count in the budget."""
        numbers = [task for task in tasks for _ in range(batches)]
        results = [
            worlds(self.seed)[task + 1].play(self.deciding, self.examined + at, BatchPurpose.MASTERY)[1]
            for at, task in enumerate(numbers)
        ]
        self.examined += len(numbers)
        return results

    @property
    def left(self) -> int:
        """Batches of the budget that are left."""
        return BATCHES - self.played - self.examined


Way = Callable[[Training], None]


def without(training: Training) -> None:
    """All batches in the run's own market."""
    while training.left > 0:
        training.round([0] * min(WIDTH, training.left))


def all_tasks(training: Training) -> None:
    """Each batch in a task drawn from all of them alike."""
    rng = stream(training.seed, "all-tasks")
    while training.left > 0:
        training.round((1 + rng.integers(len(worlds(training.seed)) - 1, size=min(WIDTH, training.left))).tolist())


def by_curriculum(curriculum: Curriculum) -> Way:
    """Prerequisites, mastery and exams as a run has them."""

    def train(training: Training) -> None:
        tasks = tasks_of(worlds(training.seed)[0].config)
        state = standings.begun(tasks)
        rng = stream(training.seed, "curriculum")
        while training.left > 0:
            state = standings.with_next_round(state, tasks, curriculum, min(WIDTH, training.left), float(rng.random()))
            results = training.round([task + 1 for task in state.batches])
            trained = {
                task: mastery.trained(
                    [r for r, of in zip(results, state.batches, strict=True) if of == task], curriculum.reward
                )
                for task in set(state.batches)
            }
            state = standings.after_training(state, trained, curriculum)
            while state.examined and training.left > 0:
                state = _looked(state, training, curriculum)

    return train


def _looked(state: CurriculumState, training: Training, curriculum: Curriculum) -> CurriculumState:
    results = training.exam(state.examined, curriculum.exam_batches)
    readings = {}
    for at, task in enumerate(state.examined):
        standing = state.standings[task]
        rule = mastery.MasteryRule(
            curriculum.reward, curriculum.mastery, curriculum.exam_looks, alpha_for(max(1, standing.exams))
        )
        own = results[at * curriculum.exam_batches : (at + 1) * curriculum.exam_batches]
        readings[task] = mastery.exam_look(standing, own, 32, rule)
    return standings.after_look(state, readings, curriculum)


def regrets(way: Way, agent_name: str, seed: int) -> tuple[float, float]:
    """Mean 1 - profit / optimum of the trained agent in the run's own market, and over all tasks that ship."""
    agent, incumbent = load_own(agent_name), load_own("fixed-bid")
    assert agent is not None, f"{agent_name} is no agent of ours"
    assert incumbent is not None
    own, *tasks = worlds(seed)
    states = [each.initial_state(own.market.world_shape, stream(seed, each.name)) for each in (agent, incumbent)]
    training = Training(DecidingAgent(agent, states[0], incumbent, states[1]), seed)
    way(training)

    def missed(world: World, batches: int) -> Iterator[float]:
        for index in range(batches):
            yield from (1.0 - ratio for ratio in world.play(training.deciding, index, BatchPurpose.EXAM)[1].raw_rewards)

    over_tasks = [float(np.mean([*missed(task, TASK_BATCHES)])) for task in tasks]
    return float(np.mean([*missed(own, EXAM_BATCHES)])), float(np.mean(over_tasks))


def interval(values: F8) -> str:
    """The mean with its 95 % interval by Student's t."""
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return f"{values.mean():+.3f} ({values.mean() - half:+.3f} to {values.mean() + half:+.3f})"


def main() -> None:
    """Choose on development seeds, compare on held-out ones, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agent", default="linear-thompson")
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    development = range(DEVELOPMENT, DEVELOPMENT + max(2, options.seeds // 2))
    tried = [
        float(np.mean([regrets(by_curriculum(each), options.agent, seed)[0] for seed in development]))
        for each in CANDIDATES
    ]
    for each, regret in zip(CANDIDATES, tried, strict=True):
        print(f"development: sampling {each.sampling}, reward {each.reward}: {regret:.3f}", flush=True)
    best = CANDIDATES[int(np.argmin(tried))]
    ways = {"none": without, "all tasks alike": all_tasks, f"curriculum, {best.sampling}": by_curriculum(best)}
    held_out = range(HELD_OUT, HELD_OUT + options.seeds)
    found = {name: np.array([regrets(way, options.agent, seed) for seed in held_out]) for name, way in ways.items()}
    print("| way | own market | less than without | all tasks | less than without |")
    print("|---|---|---|---|---|")
    for name, missed in found.items():
        own, tasks = (interval(found["none"][:, at] - missed[:, at]) if name != "none" else "" for at in (0, 1))
        print(f"| {name} | {missed[:, 0].mean():.3f} | {own} | {missed[:, 1].mean():.3f} | {tasks} |")


if __name__ == "__main__":
    main()
