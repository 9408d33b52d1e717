"""Policies as tables. Touch with gaelp/evidence/history/policy_files.py."""

from __future__ import annotations

import io

import numpy as np
import pytest

from gaelp.evidence.history.off_policy import evaluate
from gaelp.evidence.history.policy_files import InvalidPolicy, table_policy

LOG = {
    "item_ids": np.array(["a", "b", "30"]),
    "action": np.array([0, 1, 2, 0]),
    "position": np.array([1, 3, 1, 3]),
    "user_features": np.array([["x", "p"], ["y", "p"], ["x", "q"], ["y", "q"]]),
    "click": np.array([1, 0, 1, 1]),
    "hour": np.array([0, 1, 2, 23]),
    "propensity": np.full(4, 0.5),
}


def policy(*lines: str) -> tuple[np.ndarray, np.ndarray]:
    return table_policy(io.StringIO("\n".join(lines) + "\n"), LOG, "policy.csv")


def test_probabilities_by_item_alone_hold_for_every_row() -> None:
    """Items are named as in the log, in any order, and one that is left out has probability 0."""
    shares, segment = policy("item_id,probability", "30,0.75", "a,0.25")
    assert shares.shape == (1, 24, 1, 3) and segment.tolist() == [0, 0, 0, 0]
    assert np.array_equal(shares[0, 5, 0], [0.25, 0.0, 0.75])


def test_probabilities_by_item_user_feature_and_position_reach_the_rows_they_are_for() -> None:
    """IPS by hand: each row's weight is its own cell's probability over its propensity."""
    cells = [(value, position, item) for value in "xy" for position in (1, 3) for item in ("a", "b", "30")]
    chances = dict(zip(cells, [0.1, 0.2, 0.7, 0.3, 0.3, 0.4, 0.5, 0.4, 0.1, 0.6, 0.2, 0.2], strict=True))
    lines = [f"{item},{chance},{position},{value}" for (value, position, item), chance in chances.items()]
    shares, segment = policy("item_id,probability,position,user_feature_0", *lines)
    found = {e.estimator: e.value for e in evaluate(LOG, segment, {"mine": shares}, np.random.default_rng(0))}
    expected = (chances["x", 1, "a"] + chances["x", 1, "30"] + chances["y", 3, "a"]) / 0.5 / 4
    assert found["ips"] == pytest.approx(expected)


@pytest.mark.parametrize(("lines", "message"), [
    (["item,probability", "a,1"], "its columns are item, probability: give item_id and probability"),
    (["item_id,probability,weekday", "a,1,0"], "its columns are item_id, probability, weekday"),
    (["item_id,probability,user_feature_0,user_feature_1", "a,1,x,p"], "one user_feature_N"),
    (["item_id,probability,user_feature_2", "a,1,x"], "the log has no user_feature_2"),
    (["item_id,probability", "z,1"], "line 2: the log never shows an item 'z'"),
    (["item_id,probability", "a,0.5", "a,0.5"], "line 3: item 'a' is there twice"),
    (["item_id,probability", "a,0,5"], "sum to 0"),
    (["item_id,probability", "a,half"], "line 2: probability 'half' is not a number from 0 to 1"),
    (["item_id,probability", "a,1.5"], "line 2: probability '1.5' is not a number from 0 to 1"),
    (["item_id,probability", "a,nan"], "line 2: probability 'nan' is not a number from 0 to 1"),
    (["item_id,probability", "a"], "line 2: probability 'None' is not a number from 0 to 1"),
    (["item_id,probability", "a,0.5", "b,0.4"], "the probabilities sum to 0.9: let them sum to 1"),
    (["item_id,probability,position", "a,1,1"], "it has no probabilities for position 3, which the log has"),
    (["item_id,probability,position", "a,1,first"], "line 2: position 'first' is not a number"),
    (["item_id,probability,user_feature_0", "a,1,x"], "no probabilities for user_feature_0 'y', which the log has"),
    ([""], "its columns are none"),
])  # fmt: skip
def test_a_table_that_is_no_policy_for_the_log_is_refused(lines: list[str], message: str) -> None:
    """The sentence names the line or the place, and what to do."""
    with pytest.raises(InvalidPolicy) as refused:
        policy(*lines)
    assert message in str(refused.value) and str(refused.value).startswith("policy.csv")
