"""What is learned of fatigue, and how impressions are spread where creatives tire."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.agents.contract import WorldShape
from gaelp.agents.models import tiring_audience
from gaelp.arrays import F8

SHAPE = WorldShape(2, 3, 1, 1)
CTR = np.array([[0.02, 0.01, 0.01], [0.015, 0.03, 0.005]])


def lesson(fall: F8, campaigns: int = 60, ticks: int = 7) -> dict[str, F8]:
    """A round in which every creative is shown alike, with clicks that fall with the impressions before."""
    rng = np.random.default_rng(3)
    shown = rng.poisson(400, (ticks, campaigns, 2, 3)).astype(float)
    middle = np.cumsum(shown, axis=0) - shown / 2
    clicks = rng.poisson(shown * CTR * np.exp(-fall[:, None] * middle)).astype(float)
    return tiring_audience.added(
        tiring_audience.nothing(SHAPE), [{"impressions": shown, "clicks": clicks, "rest": np.zeros(1)}]
    )


def test_the_fall_of_each_segment_is_found() -> None:
    """Within a quarter of the truth in a segment that tires, and none in one that does not."""
    learned = lesson(np.array([4e-4, 0.0]))
    assert learned["tired_fall"][0] == pytest.approx(4e-4, rel=0.25)
    assert learned["tired_fall"][1] == 0.0
    assert learned["reach"] == pytest.approx([8_400, 8_400], rel=0.02)


def test_first_impressions_have_the_rates_of_fresh_creatives() -> None:
    """Clicks over what impressions were worth give the click rate that nothing had tired yet."""
    learned = lesson(np.array([4e-4, 0.0]))
    worth = tiring_audience.fresh(learned)["impressions"]
    assert learned["tired_clicks"].sum(axis=2) / worth == pytest.approx(CTR, rel=0.15)
    assert np.all(worth[0] < 0.7 * learned["tired_impressions"].sum(axis=2)[0])


def test_a_task_of_fewer_cells_teaches_the_first_ones() -> None:
    """A task of a curriculum may have fewer segments and creatives."""
    taught = tiring_audience.added(
        tiring_audience.nothing(SHAPE), [{"impressions": np.full((2, 4, 1, 2), 50.0), "clicks": np.ones((2, 4, 1, 2))}]
    )
    assert taught["tired_clicks"].sum(axis=2).tolist() == [[8, 8, 0], [0, 0, 0]]
    assert taught["reach"].tolist() == [200, 0]


def test_spread_equalises_what_the_shown_creatives_end_with() -> None:
    """v exp(-t x) is the same for all that are shown and not below the value of one that is not; shares sum to one."""
    value, tiredness = np.array([[4.0, 3.0, 0.1], [4.0, 3.0, 0.1]]), np.array([1.0, 1e-9])
    share = tiring_audience.spread(value, tiredness)
    assert share.sum(axis=-1) == pytest.approx([1, 1])
    assert share[1].tolist() == [1, 0, 0], "where nothing tires the best is shown"
    end = value[0] * np.exp(-share[0])
    assert share[0, 2] == 0 and end[0] == pytest.approx(end[1]) and end[0] > 0.1
