"""The agent `vowpalwabbit`: Vowpal Wabbit's contextual bandit chooses creatives, bids are as linear-thompson's.

It needs the extra `vw`. The state holds the model as Vowpal Wabbit 9 saves it (bytes, no pickle) beside counts and a
landscape. Touch this to give it other features or another exploration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from gaelp.agents.contract import Decision, Observation, State, WorldShape
from gaelp.agents.models import counts, learned_market, pacing, valuation
from gaelp.agents.models.masked_decisions import allowed, decided
from gaelp.arrays import F4, F8, U1

if TYPE_CHECKING:
    from vowpalwabbit import Workspace


MODEL = "vowpalwabbit_9_model"  # the state's key names the format
# Namespaces: s the segment's features, c the candidate's, i which candidate it is.
OPTIONS = "--cb_explore_adf --cb_type mtr --softmax --bit_precision 16 --quadratic sc --quadratic si --noconstant"
PER_WEIGHT = 1000.0  # impressions of a cell that weigh as one example
PASSES = 10  # over the examples
SHARPNESS, SHARPEST = 6.0, 30.0  # softmax over relative value: its lambda after n rounds is this times (1 + n)
FLOOR, FIRST_FLOOR, DECAY = 0.02, 0.3, 1.5  # share spread over all creatives: after n rounds first / (1 + n) ** decay


class VowpalWabbit:
    """Shares from a softmax over Vowpal Wabbit's estimates, reported as propensities; values and bids from counts.

    Cost of an example: minus the value of an impression of one creative in one segment, in units of the mean
    impression. Memory [C, 3] is that of pacing.paced.
    """

    name = "vowpalwabbit"
    heads = ("bid_micros", "creative_prob")

    def __init__(self) -> None:
        try:
            import vowpalwabbit  # noqa: F401
        except ImportError as error:
            raise ImportError("it needs Vowpal Wabbit: install gaelp[vw]") from error

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        return {**learned_market.nothing(shape), MODEL: np.zeros(0, np.uint8)}

    def initial_memory(self, campaigns: int) -> F8:
        return np.zeros((campaigns, 3))

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        rounds, cells = int(state["rounds"][0]), valuation.cells(state, observation)
        floor = max(FLOOR, FIRST_FLOOR / (1 + rounds) ** DECAY)
        share = allowed(valuation.floored(_softmax(state, observation), floor), observation)
        level = valuation.level(valuation.means(cells)[0], observation)
        clicks = valuation.impression_value(share, cells, 1.0, state) * level[:, None]
        value = 1000.0 * clicks * observation.click_value_micros[:, None]
        bid, memory = pacing.paced(state, valuation.optimism(state) * value, observation, memory)
        return decided(pacing.explored(bid, rounds, rng), share, observation), memory

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        if not trajectories:
            return state
        learned = learned_market.learned(state, trajectories)
        shape = np.asarray(learned["clicks"]).shape
        whole = [trajectory for trajectory in trajectories if np.asarray(trajectory["clicks"]).shape[2:] == shape]
        # Without the features of all cells the model stays as it is; the next round that has them learns from the sums.
        return {**learned, MODEL: _trained(learned, whole[-1]) if whole else state[MODEL]}


def _softmax(state: State, observation: Observation) -> F8:
    """Vowpal Wabbit's probabilities f8[S, K] of the creatives; alike before it learned anything."""
    segments, candidates = observation.segment_features.shape[1], observation.mask.shape[1]
    if not len(state[MODEL]):
        return np.ones((segments, candidates))
    sharpness = min(SHARPNESS * (1 + float(state["rounds"][0])), SHARPEST)
    actions = _actions(observation.candidate_features[0], named=counts.fits(state, observation))
    contexts = _contexts(observation.segment_features[0])
    with _workspace(np.asarray(state[MODEL], np.uint8), f"--lambda {sharpness:g}") as workspace:
        return np.array([workspace.predict([context, *actions]) for context in contexts])


def _trained(total: State, trajectory: State) -> U1:
    """A model trained anew on all counts: one that goes on from the last round would follow the noise of that round."""
    examples = list(_examples(total, trajectory))
    with _workspace(np.zeros(0, np.uint8), OPTIONS) as workspace:
        for _ in range(PASSES):
            for example in examples:
                workspace.learn(example)
        return _saved(workspace)


def _examples(total: State, trajectory: State) -> Iterator[list[str]]:
    """The value of each shown cell, as Vowpal Wabbit reads it: context and action, labelled 0:cost:probability.

    A cell of n impressions weighs n / PER_WEIGHT: multi-task regression weighs by 1 / probability, so the probability
    is its inverse. Only the action that was shown enters the regression, so no other is listed.
    """
    shown, clicks = (np.asarray(total[name], np.float64) for name in ("impressions", "clicks"))
    rates, relative = valuation.means(total)
    cost = -clicks / np.maximum(shown, 1.0) * relative / rates.mean()
    contexts = _contexts(np.asarray(trajectory["segment_features"], np.float32))
    actions = _actions(np.asarray(trajectory["candidate_features"], np.float32), named=True)
    for segment, candidate in np.argwhere(shown > 0):
        probability = min(1.0, PER_WEIGHT / shown[segment, candidate])
        label = f"0:{cost[segment, candidate]:.6g}:{probability:.6g}"
        yield [contexts[segment], f"{label} {actions[candidate]}"]


def _contexts(features: F4) -> list[str]:
    return [f"shared |s {_numbers(row)}" for row in features]


def _actions(features: F4, *, named: bool) -> list[str]:
    """The candidates by their features, and by who they are where they are those of the training."""
    return [f"|c {_numbers(row)}" + (f" |i k{index}" if named else "") for index, row in enumerate(features)]


def _numbers(row: F4) -> str:
    return " ".join(f"f{index}:{value:.6g}" for index, value in enumerate(row))


@contextmanager
def _workspace(model: U1, options: str) -> Iterator[Workspace]:
    """A Vowpal Wabbit with the model, or a new one; it reads models from files only, hence the folder."""
    from vowpalwabbit import Workspace

    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        path.write_bytes(model.tobytes())
        start = f"--initial_regressor {path} " if len(model) else ""
        workspace = Workspace(f"{start}{options} --quiet")
    try:
        yield workspace
    finally:
        workspace.finish()


def _saved(workspace: Workspace) -> U1:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        workspace.save(path)
        return np.frombuffer(path.read_bytes(), np.uint8)
