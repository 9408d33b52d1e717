"""The check that every decision passes: what it mends, what it refuses, and for whom."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from gaelp.agents.contract import Decision, InvalidDecision, Observation
from gaelp.agents.decision_checks import checked, screened
from tests.support.markets import observation

SEEN = observation(3, 2, 5)
GOOD = {"bid_micros": np.full((3, 2), 5), "creative_prob": np.full((3, 2, 5), 0.2)}


def with_mask(mask: Any) -> Observation:
    """The observation under another mask [3, 5]."""
    return Observation(**{**SEEN.__dict__, "mask": np.asarray(mask, bool)})


def test_a_good_decision_passes_with_exact_types() -> None:
    """Bids become whole micros, shares sum to one exactly, absent heads stay absent."""
    decision = checked(Decision(GOOD["bid_micros"] + 0.4, GOOD["creative_prob"] * (1 + 5e-7)), SEEN, "a", 0)
    assert decision.bid_micros is not None and decision.bid_micros.dtype == np.int64
    assert decision.creative_prob is not None and np.allclose(decision.creative_prob.sum(axis=-1), 1, atol=1e-15)
    assert decision.target is None and checked(Decision(None, None), SEEN, "a", 0).bid_micros is None


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        ({"bid_micros": np.array([[np.nan, 1]] * 3)}, "NaN"),
        ({"bid_micros": np.array([[np.inf, 1]] * 3)}, "infinite"),
        ({"bid_micros": np.full((3, 2), -5)}, "negative"),
        ({"bid_micros": np.full((2, 2), 5)}, r"shape \(2, 2\)"),
        ({"bid_micros": np.full((3, 2), 10**15)}, "above the most allowed"),
        ({"bid_micros": np.full((3, 2), "much")}, "not numeric"),
        ({"creative_prob": np.full((3, 2, 5), 0.3)}, "sums to 1.5"),
        ({"creative_prob": np.full((3, 5), 0.2)}, "shape"),
        ({"creative_prob": np.full((3, 2, 5), np.nan)}, "NaN"),
        ({"spend_rate": np.full(3, 1.1)}, "spend_rate"),
        ({"target": np.full(3, -1.0)}, "target has a negative"),
    ],
)
def test_a_bad_decision_names_agent_step_and_head(spoiled: dict[str, Any], said: str) -> None:
    """Every kind of nonsense is refused with where it came from."""
    with pytest.raises(InvalidDecision, match=said) as refused:
        checked(Decision(**{**GOOD, **spoiled}), SEEN, "clever", 12)
    assert "agent 'clever' at step 12" in str(refused.value)


def test_a_forbidden_creative_is_refused_unless_the_bid_is_off() -> None:
    """Showing what the mask forbids is refused; with no bid nothing is shown."""
    seen = with_mask([[True, True, True, True, False]] * 3)
    with pytest.raises(InvalidDecision, match="mask forbids"):
        checked(Decision(**GOOD), seen, "a", 0)
    off = Decision(np.zeros((3, 2), np.int64), GOOD["creative_prob"])
    assert checked(off, seen, "a", 0).bid_micros is not None


def spoiled(head: str, value: Any, campaign: int = 1) -> Decision:
    """The good decision with one campaign's head spoiled."""
    heads = {**GOOD, "spend_rate": np.full(3, 0.5), "target": np.full(3, 2.0)}
    array = np.array(heads[head], np.float64)
    array[campaign] = value
    return Decision(**{**heads, head: array})


@pytest.mark.parametrize(
    ("head", "value", "said"),
    [
        ("bid_micros", [np.nan, 1], "bid_micros has a NaN or an infinite number"),
        ("bid_micros", [1, np.inf], "bid_micros has a NaN or an infinite number"),
        ("bid_micros", [1, -np.inf], "bid_micros has a NaN or an infinite number"),
        ("bid_micros", [1, -7], "bid_micros has a negative number, -7"),
        ("bid_micros", [1, 2e12], r"bid_micros has 2e\+12, above the most allowed, 1e\+12"),
        ("creative_prob", np.nan, "creative_prob has a NaN or an infinite number"),
        ("creative_prob", [[0.2] * 5, [0.18] * 5], "creative_prob sums to 0.9 over the candidates, not to 1"),
        ("creative_prob", [[0.2] * 5, [0.0] * 5], "creative_prob sums to 0 over the candidates, not to 1"),
        ("creative_prob", [[-0.2, 0.6, 0.2, 0.2, 0.2]] * 2, "creative_prob has a negative number, -0.2"),
        ("spend_rate", 1.5, "spend_rate has 1.5, above the most allowed, 1"),
        ("target", np.nan, "target has a NaN or an infinite number"),
    ],
)
def test_what_is_wrong_fails_its_campaign_only(head: str, value: Any, said: str) -> None:
    """The campaign is named with the reason and is off in every head; the others are as they were decided."""
    decision, failures = screened(spoiled(head, value), SEEN, "clever", 12)
    assert list(failures) == [1] and re.fullmatch(f"agent 'clever' at step 12: {said}", failures[1])
    whole = checked(decision, SEEN, "clever", 12)
    assert whole.bid_micros is not None and whole.bid_micros.tolist() == [[5, 5], [0, 0], [5, 5]]
    assert whole.spend_rate is not None and whole.spend_rate.tolist() == [0.5, 0.0, 0.5]
    assert whole.target is not None and whole.target.tolist() == [2.0, 0.0, 2.0]
    assert np.allclose(whole.creative_prob, 0.2)
    with pytest.raises(InvalidDecision, match=said):
        checked(spoiled(head, value), SEEN, "clever", 12)


def test_each_campaign_has_its_own_reason() -> None:
    """Two campaigns that fail for two reasons, each with its own number; `checked` names the first campaign's."""
    bid = np.array([[1.0, -3.0], [1.0, 1.0], [np.nan, 1.0]])
    share = np.full((3, 2, 5), 0.2)
    share[0] = np.nan  # the first reason found stays
    _, failures = screened(Decision(bid, share), SEEN, "clever", 0)
    assert list(failures) == [0, 2]
    assert failures[0].endswith("negative number, -3") and failures[2].endswith("infinite number")
    with pytest.raises(InvalidDecision, match="negative number, -3"):
        checked(Decision(bid, share), SEEN, "clever", 0)


@pytest.mark.parametrize(
    "bid",
    [
        np.full((2, 2), 5),
        np.full((3, 2), "much"),
        [[1, 2], [3]],
        np.full((3, 2), 1j),
        [["{x}\n", None]] * 3,
        None,
        np.full((3, 2), None),
    ],
)
def test_a_head_of_no_use_fails_every_campaign(bid: Any) -> None:
    """A wrong shape, text, ragged lists or complex numbers leave no campaign; a head that is left out fails none."""
    decision, failures = screened(Decision(bid, GOOD["creative_prob"]), SEEN, "clever", 3)
    assert list(failures) == ([] if bid is None else [0, 1, 2])
    assert not any("\n" in reason for reason in failures.values())
    assert bid is None or not np.asarray(decision.bid_micros).any()


def test_the_mask_is_kept_campaign_by_campaign() -> None:
    """Only the campaign that would show what its mask forbids fails, and what replaces it keeps to the mask."""
    seen = with_mask([[True] * 5, [True, True, False, True, True], [False] * 5])
    bid = np.array([[5, 5], [5, 5], [0, 0]])
    decision, failures = screened(Decision(bid, GOOD["creative_prob"]), seen, "a", 0)
    assert list(failures) == [1] and "mask forbids" in failures[1]
    assert (
        decision.creative_prob is not None and decision.creative_prob[1].tolist() == [[0.25, 0.25, 0, 0.25, 0.25]] * 2
    )


def test_screening_warns_of_nothing_and_changes_nothing(recwarn: pytest.WarningsRecorder) -> None:
    """NaN and infinities raise no numpy warning, and the agent's own arrays stay as they are."""
    share = np.full((3, 2, 5), np.inf)
    share[0], share[1], share[2, 0, 0] = np.nan, 0.0, -np.inf
    before = share.copy()
    _, failures = screened(Decision(GOOD["bid_micros"], share), SEEN, "a", 0)
    assert len(failures) == 3 and np.array_equal(share, before, equal_nan=True)
    assert not recwarn.list
