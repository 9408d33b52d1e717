"""Vowpal Wabbit as an agent: its state, its propensities, and its absence."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gaelp.agents.agent_entry_points import UnknownAgent, load_agent
from gaelp.agents.contract import State
from gaelp.agents.policies.vowpal import DECAY, FIRST_FLOOR, FLOOR, MODEL, VowpalWabbit
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.streams import stream
from tests.support.markets import configured, observation, run, shape_of

CONFIG = configured(3, simulation={"campaigns_per_batch": 8, "days": 4})
MARKET = calibrate([], CONFIG)
INSTALLED = True
try:
    VowpalWabbit()
except ImportError:
    INSTALLED = False
needs_the_extra = pytest.mark.skipif(not INSTALLED, reason="the extra gaelp[vw] is not installed")


@pytest.fixture(scope="module")
def taught() -> Any:
    """(trajectories of an untaught agent, the state they teach)."""
    agent = VowpalWabbit()
    first = agent.initial_state(shape_of(MARKET), stream(1, "s"))
    ran = [run(MARKET, CONFIG, agent, first, index, "train")[0] for index in range(2)]
    return first, ran, agent.learn(first, ran)


def shares(state: State, **changes: Any) -> Any:
    """creative_prob f8[S, K] of the first of two campaigns."""
    segments, candidates = MARKET.ctr.shape
    seen = observation(2, segments, candidates, features=MARKET.candidate_features.shape[1])
    features = {
        "segment_features": np.repeat(np.asarray(MARKET.segment_features)[None], 2, axis=0),
        "candidate_features": np.repeat(np.asarray(MARKET.candidate_features)[None], 2, axis=0),
    }
    agent = VowpalWabbit()
    decision, _ = agent.act(state, replace(seen, **{**features, **changes}), agent.initial_memory(2), stream(1, "a"))
    return decision.creative_prob[0]


@needs_the_extra
def test_the_model_is_bytes_that_say_nothing_of_where_they_were_written(taught: Any) -> None:
    """Learning twice gives the same bytes, without a path in them, small enough for a checkpoint."""
    first, ran, state = taught
    again = VowpalWabbit().learn(first, ran)
    assert state[MODEL].dtype == np.uint8 and np.array_equal(state[MODEL], again[MODEL])
    assert b"/tmp" not in state[MODEL].tobytes() and b"initial_regressor" not in state[MODEL].tobytes()
    assert 0 < len(state[MODEL]) < 1_000_000


@needs_the_extra
def test_propensities_favour_the_valuable_and_leave_none_out(taught: Any) -> None:
    """Untaught it shows all alike; taught, the shares are worth more, and every creative keeps its floor."""
    first, _, state = taught
    value = MARKET.ctr * MARKET.cvr
    assert np.allclose(shares(first), 1 / value.shape[1])
    after = shares(state)
    assert np.all((after * value).sum(axis=1) > 1.2 * value.mean(axis=1))
    assert after.min() >= FLOOR / value.shape[1] and after.sum(axis=1) == pytest.approx(1.0)


@needs_the_extra
def test_a_reader_elsewhere_gets_the_same_propensities(taught: Any) -> None:
    """A copy of the state's arrays answers as the state itself, whatever was asked in between."""
    _, _, state = taught
    before = shares(state)
    shares({**state, "rounds": np.array([9])})
    assert np.array_equal(before, shares({name: np.array(array) for name, array in state.items()}))


@needs_the_extra
def test_later_rounds_play_less(taught: Any) -> None:
    """The same model is trusted more after more rounds, beyond what the falling floor gives."""
    _, _, state = taught
    apart = []
    for rounds in (1, 6):
        floor = max(FLOOR, FIRST_FLOOR / (1 + rounds) ** DECAY)
        given = shares({**state, "rounds": np.array([rounds])})
        apart.append((given.max(axis=1) - given.min(axis=1)) / (1 - floor))
    assert np.all(1 - apart[1] < 0.5 * (1 - apart[0]))


@needs_the_extra
def test_other_candidates_are_judged_by_their_features_alone(taught: Any) -> None:
    """In a world of another size nobody's name is known: equal features get equal shares."""
    _, _, state = taught
    features = np.repeat(np.asarray(MARKET.candidate_features)[None, :1], 2, axis=0)
    other = np.concatenate([features, features, features + 1], axis=1)
    empty = np.zeros((2, len(MARKET.ctr), 3), np.int64)
    cells = {name: empty for name in ("impressions", "clicks", "matured_conversions", "cost_micros")}
    given = shares(state, candidate_features=other, mask=np.ones((2, 3), bool), **cells)
    assert given[:, 0] == pytest.approx(given[:, 1]) and not np.allclose(given[:, 0], given[:, 2])


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading the agent where Vowpal Wabbit is missing is refused in one sentence."""
    monkeypatch.setitem(sys.modules, "vowpalwabbit", None)
    with pytest.raises(UnknownAgent, match=r"install gaelp\[vw\]") as refused:
        load_agent("vowpalwabbit")
    assert "\n" not in str(refused.value)
