"""Weekly gains, success over campaigns, and the audience's split. Touch with gaelp/evidence/portfolio.py."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from gaelp.domain.gates.measurements import AudienceSplit, ImprovementMeasure, PortfolioMeasure
from gaelp.evidence.betting import log_wealth
from gaelp.evidence.portfolio import effective_number, longest_run, measure_improvement, measure_portfolio, weekly_gains
from gaelp.evidence.profit import Days, asymptotic_radius
from tests.unit.evidence.test_phase_measurements import ALPHA, CONFIG, campaign, day, scaled


def test_weekly_gains_against_the_control():
    """The gain is the ratio of revenue x margin / cost per matured week; an immature week ends the series."""
    candidate = campaign(0, 30, revenue_micros=90_000_000)
    control = campaign(1, 30, arm="control", revenue_micros=60_000_000)
    found = scaled(candidate, control).improvement
    assert found is not None and found.gains == pytest.approx([0.5] * 4) and found.longest_run == 4
    late = candidate.model_copy(update={"days": (*candidate.days[:20], day(20, matured=False), *candidate.days[21:])})
    cut = scaled(late, control).improvement
    assert cut is not None and cut.weeks == 2


def test_a_week_without_revenue_is_a_loss_and_not_a_gap():
    """The candidate's empty week counts against it."""
    days = tuple(day(i, revenue_micros=0 if 7 <= i < 14 else 90_000_000) for i in range(28))
    found = scaled(campaign(0).model_copy(update={"days": days}), campaign(1, 28, arm="control")).improvement
    assert found is not None and found.weeks == 4 and found.gains[1] < -0.99 and found.longest_run < 4


def test_without_a_split_the_audiences_are_not_disjoint():
    """Nothing is assumed of the audience."""
    found = scaled(campaign(0), split=None).improvement
    assert found is not None and not found.disjoint and found.split_p is None


def test_a_split_that_went_wrong_has_a_tiny_p():
    """60 to 40 where half and half was planned is no chance."""
    wrong = AudienceSplit(disjoint=True, candidate=6000, control=4000, planned_share=0.5)
    found = scaled(campaign(0), split=wrong).improvement
    assert found is not None and found.split_p is not None and found.split_p < 1e-6


def test_success_needs_profit_and_a_clean_matured_settled_campaign():
    """A violation, a loss and a halt are no success; an immature campaign is not counted; the control is nobody's."""
    found = scaled(
        campaign(0),
        campaign(1, violations=1),
        campaign(2, revenue_micros=1),
        campaign(3, reason="halted"),
        campaign(4, matured=False),
        campaign(5, arm="control"),
    ).portfolio
    assert found is not None and (found.campaigns, found.matured, found.successes) == (5, 4, 1)


def test_campaigns_of_one_product_count_as_fewer():
    """Twenty campaigns of twenty products are twenty, of one product fewer than five."""
    assert effective_number([str(i) for i in range(20)]) == 20
    assert effective_number(["p"] * 20) == pytest.approx(20 / (1 + 19 * 0.2))


# ------------------------------------------------------------ criterion 11


def days(*ordinals: int, earned: float = 2.0, cost: float = 1.0) -> Days:
    """One like the other, at these dates."""
    count = len(ordinals)
    return Days(np.array(ordinals, dtype=np.int64), np.full(count, earned), np.full(count, cost))


@pytest.mark.parametrize(
    ("candidate", "control", "weeks"),
    [
        (range(14), range(14), 2),
        (range(13), range(14), 1),
        (range(6), range(6), 0),
        (range(7), range(1, 8), 0),  # six days in common
        (range(14), range(5, 14), 1),  # the weeks begin at the first common day
        ([*range(7), *range(8, 22)], range(22), 1),  # a day is missing between two weeks
        ([*range(10), *range(11, 25)], range(25), 1),  # and within one
        ([], range(7), 0),
        ([], [], 0),
    ],
)
def test_weeks_are_complete_and_follow_one_another(candidate: list[int], control: list[int], weeks: int) -> None:
    """Days that both arms have, seven in a row at a time from the first one on; the first gap ends the series."""
    assert weekly_gains(days(*candidate), days(*control)).tolist() == [0.0] * weeks


def test_a_gain_is_the_logarithm_of_a_ratio_of_ratios() -> None:
    """Contribution 3 for 2 spent against 5 for 4 is log(1.5 / 1.25), whatever the arms spend in all."""
    gains = weekly_gains(days(*range(7), earned=3e6, cost=2e6), days(*range(7), earned=50e6, cost=40e6))
    assert gains == pytest.approx([math.log(1.5 / 1.25)])


def test_a_week_that_earned_nothing_counts_as_one_micro() -> None:
    """So that its loss is very large and finite, whichever arm it is."""
    nothing, something = days(*range(7), earned=0.0, cost=1e6), days(*range(7), earned=2e6, cost=1e6)
    assert weekly_gains(nothing, something) == pytest.approx([math.log(1 / 14e6)])
    assert weekly_gains(something, nothing) == pytest.approx([math.log(14e6)])


def test_a_week_without_cost_ends_the_series() -> None:
    """A ratio to nothing is no gain, and what follows is not a week in a row; a micro of cost is enough."""
    free = Days(np.arange(21), np.full(21, 2.0), np.repeat([1.0, 0.0, 1.0], 7))
    assert weekly_gains(free, days(*range(21))).tolist() == [0.0]
    assert weekly_gains(days(*range(21)), free).tolist() == [0.0]
    tiny = Days(np.arange(7), np.full(7, 2.0), np.array([1.0] + [0.0] * 6))
    assert weekly_gains(tiny, tiny).tolist() == [0.0]


def improvement(*earned: tuple[int, int], split: AudienceSplit | None = None) -> ImprovementMeasure:
    """One week for each pair of what the candidate and the control arm earned a day, for 20.00 each."""
    arms = [
        campaign(i, arm=arm).model_copy(
            update={"days": tuple(day(d, revenue_micros=earned[d // 7][i] * 1_000_000) for d in range(7 * len(earned)))}
        )
        for i, arm in enumerate(("candidate", "control"))
    ]
    return measure_improvement(arms, CONFIG, ALPHA, split)


def test_a_tie_is_no_win() -> None:
    """The bet is on weeks that the candidate arms win; a week in which both earned the same speaks for the control."""
    won, tied = improvement(*[(61, 60)] * 12), improvement(*[(60, 60)] * 12)
    assert won.log_wealth == log_wealth(np.ones(12), 0.5) > 0
    assert won.log_wealth_against == log_wealth(np.zeros(12), 0.5) <= 0
    assert (tied.log_wealth, tied.log_wealth_against) == (won.log_wealth_against, won.log_wealth)


def test_a_run_is_of_weeks_at_the_threshold_or_above() -> None:
    """A gain of exactly the threshold is enough, and a week below it begins the count anew."""
    assert improvement((70, 60), (71, 60), (68, 60), (70, 60)).longest_run == 2
    config = CONFIG.model_copy(update={"scaled": CONFIG.scaled.model_copy(update={"improvement": 0.0})})
    even = [campaign(0, 14), campaign(1, 14, arm="control")]
    assert measure_improvement(even, config, ALPHA, None).longest_run == 2
    assert longest_run([True, False, True, True, False]) == 2


def test_the_mean_gain_has_bounds_from_eight_weeks_on() -> None:
    """Mean and confidence sequence of the logarithms; seven weeks have a mean, and no week has none."""
    earned = [(72 + i, 60) for i in range(8)]
    gains = np.log([a / b for a, b in earned])
    found = improvement(*earned)
    radius = gains.std(ddof=1) * asymptotic_radius(8, ALPHA, 8)
    assert found.mean_log_gain == pytest.approx(gains.mean())
    assert (found.low, found.high) == pytest.approx((gains.mean() - radius, gains.mean() + radius))
    seven = improvement(*earned[:7])
    assert (seven.mean_log_gain, seven.low, seven.high) == (pytest.approx(gains[:7].mean()), None, None)
    none = measure_improvement([], CONFIG, ALPHA, None)
    assert (none.weeks, none.gains, none.mean_log_gain, none.low, none.high) == (0, (), None, None, None)


@pytest.mark.parametrize(
    ("candidate", "control", "planned", "p"),
    [
        (60, 40, 0.5, 0.0455),  # chi-square 4 with one degree of freedom
        (30, 70, 0.25, 0.2482),  # chi-square 4/3
        (1, 0, 0.5, 0.3173),  # chi-square 1
        (50, 50, 0.5, 1.0),
        (0, 0, 0.5, 0.0),
        (50, 50, 0.0, 0.0),
        (50, 50, 1.0, 0.0),
        (0, 50, 0.0, 0.0),
        (50, 0, 1.0, 0.0),
        (50, 50, 1.5, 0.0),
        (50, 50, -0.5, 0.0),
    ],
)
def test_the_split_is_compared_with_its_plan(candidate: int, control: int, planned: float, p: float) -> None:
    """The p-values are of a table of chi-square; a plan that cannot be, or a split of nobody, is refused with 0."""
    split = AudienceSplit(disjoint=True, candidate=candidate, control=control, planned_share=planned)
    assert improvement((60, 60), split=split).split_p == pytest.approx(p, abs=5e-5)


def test_disjoint_is_what_the_split_says() -> None:
    """A split that is known and overlaps is not disjoint."""
    for disjoint in (True, False):
        split = AudienceSplit(disjoint=disjoint, candidate=50, control=50, planned_share=0.5)
        assert improvement((60, 60), split=split).disjoint is disjoint


# ------------------------------------------------------------ criterion 12


def portfolio(*campaigns: object, limit: int | None = None) -> PortfolioMeasure:
    changed = {} if limit is None else {"campaign": CONFIG.limits.campaign * 0 + limit}
    config = CONFIG.model_copy(update={"limits": CONFIG.limits.model_copy(update=changed)})
    return measure_portfolio(campaigns, config, ALPHA)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "succeeded"),
    [
        ({}, True),
        ({"violations": 1}, False),
        ({"state": "failed"}, False),
        ({"reason": "halted"}, False),
        ({"revenue_micros": 0}, False),
        ({"cost_micros": 0, "served_micros": 0, "spend_micros": 0}, False),
        ({"cost_micros": 1, "served_micros": 1}, True),
    ],
)
def test_what_a_success_is(changes: dict[str, object], succeeded: bool) -> None:
    """A campaign that settled for no reason but its end, without a violation, that cost something and earned more."""
    found = portfolio(campaign(0, 1, **changes))
    assert (found.matured, found.successes) == (1, int(succeeded))


def test_profit_must_be_above_nothing() -> None:
    """A contribution of the cost is no success, and one micro more is."""
    config = CONFIG.model_copy(
        update={"economics": CONFIG.economics.model_copy(update={"margin": 1.0, "refund_rate": 0.0})}
    )
    for revenue, successes in ((20_000_000, 0), (20_000_001, 1)):
        assert measure_portfolio([campaign(0, 1, revenue_micros=revenue)], config, ALPHA).successes == successes


def test_a_success_stays_within_the_campaigns_limit() -> None:
    """At the limit is within it."""
    for limit, successes in ((20, 1), (19, 0)):
        assert portfolio(campaign(0, 1), limit=limit).successes == successes


def test_the_bounds_of_success_are_exact_at_the_effective_number() -> None:
    """3 of 4 campaigns of two products are 2.25 of 3 + 1/3 effective ones: bounds of Clopper and Pearson by scipy."""
    campaigns = [campaign(i, product="ab"[i % 2], revenue_micros=1 if i == 3 else 90_000_000) for i in range(4)]
    found = portfolio(*campaigns)
    n = 4 / (1 + (2 - 1) * 0.2)
    k = 0.75 * n
    assert (found.successes, found.matured, found.n_effective) == (3, 4, pytest.approx(n))
    assert found.low == pytest.approx(beta.ppf(ALPHA, k, n - k + 1))
    assert found.high == pytest.approx(beta.ppf(1 - ALPHA, k + 1, n - k))


def test_without_a_matured_campaign_nothing_is_known() -> None:
    """The bounds are those of ignorance, and no campaign counts."""
    for found in (portfolio(), portfolio(campaign(0, matured=False)), portfolio(campaign(0, 0))):
        assert (found.matured, found.successes, found.n_effective, found.low, found.high) == (0, 0, 0.0, 0.0, 1.0)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30))
def test_the_effective_number_lies_between_one_product_and_all_different(clusters: list[str]) -> None:
    """Never more than the campaigns, never less than if all were of one product, and the order plays no part."""
    n = len(clusters)
    assert n / (1 + (n - 1) * 0.2) - 1e-9 <= effective_number(clusters) <= n
    assert effective_number(clusters) == effective_number(sorted(clusters))
