"""How much linear-thompson explores."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.agents.contract import Decision, Observation, State, TickTime, Totals, WorldShape
from gaelp.agents.policies.linear_thompson import LinearThompson

SHAPE = WorldShape(2, 4, 3, 4)
SEEN = Observation.build(
    TickTime(hour=np.array([9]), weekday=np.array([0]), time_left=np.ones(1)),
    Totals.none(1, 2, 4), np.ones((2, 3)), np.ones((4, 4)), np.array([30_000_000]), 600_000,
)  # fmt: skip


def state(clicks: float, rounds: int) -> State:
    """What was learned of two segments and four creatives, the first of which is by far the best."""
    first = LinearThompson().initial_state(SHAPE, np.random.default_rng(0))
    counted = np.tile([clicks, clicks / 4, clicks / 4, clicks / 4], (2, 1))
    shown = np.full((2, 4), clicks / 0.01)
    return {**first, "clicks": counted, "impressions": shown, "rounds": np.array([rounds])}


def decided(clicks: float, rounds: int) -> Decision:
    """The first decision of a campaign."""
    return LinearThompson().act(state(clicks, rounds), SEEN, np.zeros((1, 3)), np.random.default_rng(1))[0]


@pytest.mark.parametrize("clicks", [0.0, 30.0, 3000.0])
def test_exploration_does_not_depend_on_the_number_of_rounds(clicks: float) -> None:
    """What was seen in one round or in forty leads to the same bids and shares, bit for bit."""
    once, often = decided(clicks, 1), decided(clicks, 40)
    assert np.array_equal(np.asarray(once.bid_micros), np.asarray(often.bid_micros))
    assert np.array_equal(np.asarray(once.creative_prob), np.asarray(often.creative_prob))


def test_exploration_falls_with_the_clicks() -> None:
    """The worst creative's share falls as clicks come in, down to the floor that stays for ever."""
    worst = [float(np.asarray(decided(clicks, 4).creative_prob)[0, :, 1:].min()) for clicks in (2.0, 40.0, 4_000.0)]
    assert worst[0] > 1.5 * worst[1] > 2 * worst[2]
    assert worst[2] == pytest.approx(0.02 / 4)
