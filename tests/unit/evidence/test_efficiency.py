"""Budget efficiency U (1 - W) P and its bounds. Touch with gaelp/evidence/efficiency.py."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from gaelp.domain.gates.measurements import EfficiencyMeasure
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.evidence.efficiency import measure_efficiency, pacing_score
from tests.unit.evidence.test_phase_measurements import CONFIG, campaign, live

FLAT = [1.0] * 24
NIGHT = tuple(20_000_000 if hour == 3 else 0 for hour in range(24))


def efficiency(
    campaigns: Sequence[CampaignResult], alpha: float = 0.05, reference: Sequence[float] | None = None, seed: int = 0
) -> EfficiencyMeasure:
    return measure_efficiency(campaigns, CONFIG, alpha, reference, np.random.default_rng(seed))


def spent(planned: int, cost: int, index: int = 0, **changes: object) -> CampaignResult:
    """A campaign of one day with these micros; it converts unless `changes` say otherwise."""
    return campaign(index, 1, cost_micros=cost, served_micros=cost, planned_micros=planned, **changes)


def test_efficiency_of_full_and_of_half_spend():
    """Spending all of the plan scores 1, half of it 0.5, and over-delivery no more than 1."""
    for planned, value in ((20, 1.0), (40, 0.5), (10, 1.0)):
        found = live(*(campaign(i, start=7 * i, planned_micros=planned * 7_000_000) for i in range(6))).efficiency
        assert found.value == pytest.approx(value)
        assert found.low is not None and found.low <= value


def test_waste_is_spend_without_a_conversion():
    """A campaign beyond three target CPAs without a matured conversion is wasted whole."""
    found = live(campaign(0), campaign(1, conversions=0)).efficiency
    assert found.waste == pytest.approx(0.5)
    cheap = CONFIG.economics.model_copy(update={"target_cpa": Decimal("100.00")})
    assert live(campaign(1, conversions=0), config=CONFIG.model_copy(update={"economics": cheap})).efficiency.waste == 0


def test_uneven_campaigns_have_a_lower_bound_well_below_the_estimate():
    """Campaigns that spent all or a fifth of their plan leave much doubt; fewer than five have no bound at all."""
    uneven = [campaign(i, planned_micros=20_000_000 * 7 * (1 if i % 2 else 5)) for i in range(6)]
    found = live(*uneven).efficiency
    assert found.low is not None and found.value is not None and found.low < found.value - 0.1
    assert live(*uneven[:4]).efficiency.low is None


def test_a_perfect_pacer_scores_near_one_at_any_number_of_clicks():
    """The sampling floor is taken off: uncorrected, 25 clicks give about 0.64."""
    reference, rng = np.full(24, 1 / 24), np.random.default_rng(0)
    curves = rng.multinomial(25, reference, size=300) / 25
    raw = np.mean(1 - np.abs(curves - reference).sum(axis=1) / 2)
    assert 0.6 < raw < 0.68
    assert np.mean([pacing_score(curve, reference, 25) for curve in curves]) > 0.95


def test_pacing_needs_clicks_and_a_reference():
    """Below 350 clicks it is left out; above, without a reference curve, it is missing; with one, it is scored."""
    night = tuple(20_000_000 if hour == 3 else 0 for hour in range(24))
    few, many = campaign(0, 1, hourly_cost_micros=night), campaign(0, hourly_cost_micros=night)
    assert (live(few).efficiency.pacing, live(few).efficiency.pacing_missing) == (None, False)
    assert live(many).efficiency.pacing_missing
    scored = live(many, pacing_reference=[1.0] * 24).efficiency
    assert scored.pacing is not None and scored.pacing < 0.2 and not scored.pacing_missing


def test_the_parts_by_hand() -> None:
    """600 of 800 planned were spent, 200 of them for nothing: U = 3/4, W = 1/3, and without a curve U (1 - W) = 1/2."""
    useful, wasted = spent(500_000_000, 400_000_000), spent(300_000_000, 200_000_000, conversions=0)
    found = efficiency([useful, wasted])
    assert (found.planned_micros, found.cost_micros, found.campaigns, found.clicks) == (
        800_000_000,
        600_000_000,
        2,
        180,
    )
    assert (found.use, found.waste, found.value) == pytest.approx((3 / 4, 1 / 3, 1 / 2))


def test_pacing_is_part_of_the_product() -> None:
    """With U = 3/4 and a curve, the value is 3/4 of the pacing, and so are the bounds of even campaigns."""
    campaigns = [campaign(i, hourly_cost_micros=NIGHT, planned_micros=7 * 20_000_000 * 4 // 3) for i in range(5)]
    found = efficiency(campaigns, reference=FLAT)
    assert found.pacing is not None and 0 < found.pacing < 0.1
    assert [found.value, found.low, found.high] == pytest.approx([0.75 * found.pacing] * 3)


def test_a_part_of_a_conversion_is_none() -> None:
    """What a platform divides among ads is no conversion until the parts make a whole one."""
    for conversions, waste in ((0.99, 1.0), (1.0, 0.0)):
        assert efficiency([spent(500_000_000, 400_000_000, conversions=conversions)]).waste == waste


def test_waste_begins_at_three_target_cpas() -> None:
    """One micro less is too little to say that it was for nothing; a conversion that has not matured is none yet."""
    limit = 3 * int(CONFIG.economics.target_cpa * 1_000_000)
    for cost, waste in ((limit, 1.0), (limit - 1, 0.0)):
        assert efficiency([spent(limit, cost, conversions=0)]).waste == waste
    assert efficiency([spent(limit, limit, conversions=5, matured=False)]).waste == 1.0
    assert efficiency([spent(limit, limit, conversions=1)]).waste == 0.0


def test_what_was_spent_and_reported_by_nobody_counts_as_cost() -> None:
    """A campaign's cost is the larger of its days' and of what was posted, and over-delivery is no efficiency."""
    found = efficiency([spent(100, 40, spend_micros=90)])
    assert (found.cost_micros, found.use) == (90, 0.9)
    assert efficiency([spent(100, 150)]).use == 1.0


def test_one_micro_is_enough_to_be_measured() -> None:
    """What was planned and spent has parts, however little; what was planned and not spent has no waste."""
    for cost in (0, 1):
        found = efficiency([spent(1, cost)])
        assert (found.use, found.waste, found.value) == (cost, 0.0, cost)


def test_without_a_plan_there_is_no_efficiency() -> None:
    """Nothing planned, or no campaign at all: no value and no bound, and no division by zero."""
    for campaigns in ([], [spent(0, 0)], [spent(0, 5, i) for i in range(6)]):
        found = efficiency(campaigns)
        assert (found.planned_micros, found.use, found.value, found.low, found.high) == (0, 0.0, None, None, None)


def test_five_campaigns_have_bounds_and_four_have_none() -> None:
    """The value of four is known all the same."""
    four, five = (efficiency([spent(100, 50 + i, i) for i in range(n)]) for n in (4, 5))
    assert (four.value, four.low, four.high) == (pytest.approx(0.515), None, None)
    assert five.low is not None and five.high is not None and five.low < 0.52 < five.high


@pytest.mark.parametrize("count", [5, 8, 40])
def test_the_bounds_are_those_of_students_t_at_the_bootstrap_error(count: int) -> None:
    """Of campaigns that spent 40 or 60 of 100 in equal numbers the bootstrap error is 0.1/sqrt(m) where m is even."""
    costs = np.resize([40, 60], count)
    found = efficiency([spent(100, int(cost), i) for i, cost in enumerate(costs)])
    reach = student.ppf(0.95, count - 1) * costs.std() / 100 / count**0.5 * (count / (count - 1)) ** 0.5
    assert found.value == pytest.approx(costs.mean() / 100)
    assert found.value is not None and found.low is not None and found.high is not None
    assert [found.value - found.low, found.high - found.value] == pytest.approx([reach] * 2, rel=0.06)


def test_the_bounds_of_a_worked_example() -> None:
    """One seed gives one pair of bounds, at each level; a smaller level has wider ones."""
    campaigns = [spent(100, cost, i) for i, cost in enumerate((30, 55, 60, 62, 95))]
    usual, strict = efficiency(campaigns, 0.05), efficiency(campaigns, 0.01)
    assert (usual.low, usual.high) == pytest.approx((0.384786211, 0.823213789), abs=1e-8)
    assert (strict.low, strict.high) == pytest.approx((0.218708459, 0.989291541), abs=1e-8)


def test_bounds_stay_between_nothing_and_all() -> None:
    """However uneven the campaigns are, an efficiency below 0 or above 1 is not claimed."""
    uneven = efficiency([spent(100, 100 if i else 0, i) for i in range(5)], alpha=0.001)
    assert (uneven.low, uneven.high) == (0.0, 1.0)


def test_campaigns_without_a_plan_do_not_break_the_bounds() -> None:
    """A resample that planned nothing scores 0; it is neither an error nor left out."""
    found = efficiency([spent(100, 50), *(spent(0, 0, i) for i in range(1, 5))])
    assert (found.value, found.low) == (0.5, 0.0)
    assert found.high is not None and np.isfinite(found.high)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.booleans()), min_size=1, max_size=8))
def test_whatever_was_spent_the_value_lies_between_its_bounds_and_within_0_and_1(
    rows: list[tuple[int, int, bool]],
) -> None:
    """For any plan, cost and conversions: all parts in [0, 1], the product of the parts, low <= value <= high."""
    found = efficiency([spent(p, c, i, conversions=3 * ok) for i, (p, c, ok) in enumerate(rows)])
    assert 0 <= found.use <= 1 and 0 <= found.waste <= 1
    if found.value is not None:
        assert found.value == pytest.approx(found.use * (1 - found.waste))
    if found.value is not None and found.low is not None and found.high is not None:
        assert 0 <= found.low <= found.value + 1e-12 and found.value - 1e-12 <= found.high <= 1


# ------------------------------------------------------------ pacing


def test_the_pacing_score_by_hand() -> None:
    """All spend in one of two hours that share the traffic: distance 1/2, floor 2 sqrt(1/4 / (2 pi n))."""
    curve, reference = np.zeros(24), np.zeros(24)
    curve[0], reference[:2] = 1.0, 0.5
    floor = 2 * (0.25 / (2 * np.pi * 400)) ** 0.5
    assert pacing_score(curve, reference, 400) == pytest.approx(1 - (0.5 - floor))
    assert pacing_score(reference, reference, 400) == 1.0
    uneven = np.array([0.7, 0.3] + [0.0] * 22)
    floor = 2 * (0.21 / (2 * np.pi * 400)) ** 0.5
    assert pacing_score(curve, uneven, 400) == pytest.approx(1 - (0.3 - floor))


def test_curves_are_pooled_by_hour_over_days_and_campaigns() -> None:
    """Two campaigns of which one spends in the morning and one in the evening follow an even curve of traffic."""
    morning, evening = (tuple(7 if (hour < 12) is first else 0 for hour in range(24)) for first in (True, False))
    campaigns = [spent(84, 84, i, clicks=200, hourly_cost_micros=c) for i, c in enumerate((morning, evening))]
    assert efficiency(campaigns, reference=[3.0] * 24).pacing == 1.0
    assert efficiency(campaigns[:1] * 2, reference=[3.0] * 24).pacing == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize(
    ("clicks", "reference", "curve", "pacing", "missing"),
    [
        (349, FLAT, NIGHT, False, False),
        (350, FLAT, NIGHT, True, False),
        (350, None, NIGHT, False, True),
        (350, FLAT[:23], NIGHT, False, True),
        (350, [0.0] * 24, NIGHT, False, True),
        (350, [0.01] * 24, NIGHT, True, False),
        (350, FLAT, (), False, True),
        (350, FLAT, NIGHT[:23], False, True),
        (350, FLAT, (0,) * 24, False, True),
        (350, FLAT, (0,) * 23 + (1,), True, False),
        (349, None, (), False, False),
    ],
)
def test_pacing_is_judged_missing_or_left_out(
    clicks: int, reference: Sequence[float] | None, curve: tuple[int, ...], pacing: bool, missing: bool
) -> None:
    """From 350 clicks on it is judged where cost and traffic by hour are known, and is missing otherwise."""
    found = efficiency([spent(100, 90, clicks=clicks, hourly_cost_micros=curve)], reference=reference)
    assert (found.pacing is not None, found.pacing_missing) == (pacing, missing)
