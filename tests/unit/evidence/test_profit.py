"""The profit e-process and what goes with it. Touch with gaelp/evidence/profit.py."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.gates.judging import alpha_for
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.evidence import profit
from gaelp.evidence.profit import Days, matured_days, profit_test

CAP, BUDGET, ORDER = 50e6, 25e6, 40e6
FIRST = date(2026, 3, 2)


def days(roi: float, seed: int, length: int = 60, sigma: float = 1.0) -> Days:
    """Click-days of an agent whose true ROI is `roi`; orders bring a log-normal contribution of 40 on average."""
    rng = np.random.default_rng(seed)
    cost = np.minimum(BUDGET * rng.lognormal(-0.03, 0.25, length), CAP)
    orders = rng.poisson(cost * (1 + roi) / ORDER)
    values = [ORDER * rng.lognormal(-(sigma**2) / 2, sigma, n).sum() for n in orders]
    return Days(np.arange(length) + FIRST.toordinal(), np.array(values), cost)


def share_passing(roi: float, h: float, alpha: float, runs: int = 400, sigma: float = 1.0) -> float:
    """Share of runs whose wealth is ever enough within 60 days."""
    tests = (profit_test(days(roi, s, 60, sigma), worst_day_micros=CAP, h=h, lag_days=1.0) for s in range(runs))
    return float(np.mean([test.wealth.max() >= 1 / alpha for test in tests]))


def report(offset: int, *, cost: int = 20_000_000, revenue: int = 60_000_000, **changes: object) -> DayReport:
    known = {"day": FIRST + timedelta(days=offset), "impressions": 9000, "clicks": 90, "conversions": 5}
    rest = {"cost_micros": cost, "served_micros": cost, "revenue_micros": revenue, "final": True, "matured": True}
    return DayReport.model_validate(known | rest | changes)


def campaign(index: int, *reports: DayReport) -> CampaignResult:
    return CampaignResult(
        campaign=f"r/live-test/campaign-{index:02d}",
        index=index,
        product="p",
        arm="candidate",
        state=EpisodeState.SETTLED,
        days=reports,
    )


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5])
def test_an_agent_without_profit_seldom_passes_however_heavy_the_tails(sigma: float):
    """At a true ROI of exactly h, at most alpha and 2 errors of 400 runs of 60 days ever reach 1/alpha."""
    alpha = 0.05
    assert share_passing(0.05, 0.05, alpha, sigma=sigma) <= alpha + 2 * math.sqrt(alpha * (1 - alpha) / 400)


def test_power_under_the_hard_cap_is_of_the_order_that_docs_gates_states():
    """At h = 0 and alpha = 0.05, +50 % ROI passes within 60 days in roughly 43 % of runs and +100 % in roughly 90 %."""
    assert 0.3 < share_passing(0.5, 0.0, 0.05) < 0.6
    assert 0.8 < share_passing(1.0, 0.0, 0.05)


def test_power_at_the_level_and_hurdle_of_a_first_attempt():
    """At h = 0.05 and alpha_1, +100 % still passes in most runs and a break-even agent almost never does."""
    assert share_passing(1.0, 0.05, alpha_for(1)) > 0.7
    assert share_passing(0.0, 0.05, alpha_for(1)) < 0.03


def test_a_later_day_changes_no_earlier_stake():
    """A disaster on day 30 lowers the stake of the day on which it is known, and of no day before that."""
    before = days(0.2, 7)
    changed = before.contribution.copy()
    changed[30] = 0.0
    cost = before.cost.copy()
    cost[30] = 100e6
    after = Days(before.ordinal, changed, cost)
    first, second = (profit_test(d, worst_day_micros=CAP, h=0.05, lag_days=1.0) for d in (before, after))
    known_from = 30 + 1 + profit.maturing_days(1.0)
    assert np.array_equal(first.stake[:known_from], second.stake[:known_from])
    assert first.stake[known_from] > second.stake[known_from]


def test_stakes_stay_between_zero_and_a_half():
    """Neither the luckiest nor the unluckiest outcomes move a stake out of [0, 1/2]."""
    lucky, unlucky = days(20.0, 1), days(-1.0, 1)
    for found in (lucky, unlucky):
        stake = profit_test(found, worst_day_micros=CAP, h=0.05, lag_days=0.1).stake
        assert stake.min() >= 0 and stake.max() <= 0.5
    assert profit_test(unlucky, worst_day_micros=CAP, h=0.05, lag_days=0.1).stake[-1] < 0.5


def test_wealth_is_the_product_that_the_module_defines():
    """Two days by hand: Y = (60 - 1.05 x 20)/(1.05 x 50) on each, staked in full."""
    found = Days(np.array([1, 2]), np.array([60e6, 60e6]), np.array([20e6, 20e6]))
    outcome = (60 - 21) / 52.5
    test = profit_test(found, worst_day_micros=CAP, h=0.05, lag_days=1.0)
    assert test.final == pytest.approx((1 + outcome / 2) ** 2)


def test_wealth_that_is_lost_never_comes_back():
    """A day billed far beyond its worst case leaves nothing, whatever follows."""
    found = Days(np.arange(3), np.array([0.0, 500e6, 500e6]), np.array([400e6, 1e6, 1e6]))
    assert profit_test(found, worst_day_micros=CAP, h=0.05, lag_days=1.0).final == 0.0


def test_only_days_that_matured_in_every_campaign_decide():
    """A day with one immature campaign is left out whole; the others are summed over campaigns."""
    found = matured_days(
        [campaign(0, report(0), report(1), report(2)), campaign(1, report(1), report(2, matured=False))], share=0.5
    )
    assert found.ordinal.tolist() == [FIRST.toordinal(), FIRST.toordinal() + 1]
    assert found.contribution.tolist() == [30e6, 60e6]
    assert found.cost.tolist() == [20e6, 40e6]


def test_cost_is_the_larger_of_billed_and_served_until_final():
    """What was served and not billed yet counts until the platform calls the day final."""
    assert profit.day_cost(report(0, served_micros=25_000_000, final=False)) == 25_000_000
    assert profit.day_cost(report(0, served_micros=25_000_000)) == 20_000_000


def test_no_days_no_wealth():
    """Without a matured day the wealth is the start's, and ROI and its bound are unknown."""
    found = matured_days([campaign(0, report(0, matured=False))], share=0.5)
    assert profit_test(found, worst_day_micros=CAP, h=0.05, lag_days=1.0).final == 1.0
    assert (profit.roi(found), profit.roi_upper_bound(found, 0.05), profit.drawdown_micros(found)) == (None, None, 0)


def test_drawdown_is_the_deepest_cumulated_loss():
    """Losses of 20 and 20 after a gain of 10 are a drawdown of 30, whatever is won back later."""
    found = Days(np.arange(4), np.array([30e6, 0.0, 0.0, 90e6]), np.full(4, 20e6))
    assert profit.drawdown_micros(found) == 30_000_000


def test_the_upper_bound_of_roi_refuses_the_hopeless_and_spares_the_good():
    """After 60 days a -80 % agent's ROI is bounded below 5 %, a +20 % agent's in at most alpha and 2 errors of runs."""
    hopeless = profit.roi_upper_bound(days(-0.8, 3), 0.05)
    assert hopeless is not None and hopeless < 0.05
    ever = [
        any(
            (bound := profit.roi_upper_bound(Days(d.ordinal[:t], d.contribution[:t], d.cost[:t]), 0.05)) is not None
            and bound < 0.2
            for t in range(10, 61, 5)
        )
        for d in (days(0.2, seed, sigma=0.5) for seed in range(200))
    ]
    assert np.mean(ever) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 200)


def test_the_upper_bound_lies_above_the_estimate():
    """The bound of ROI is never below its estimate, and it closes in on it."""
    short, long = days(0.5, 9, 20), days(0.5, 9, 400)
    gaps = [profit.roi_upper_bound(d, 0.05) - profit.roi(d) for d in (short, long)]  # type: ignore[operator]
    assert gaps[0] > gaps[1] > 0


# ------------------------------------------------------------ by hand


def test_the_days_have_the_types_that_are_documented() -> None:
    """Ordinals are integers and amounts are doubles, also where there is no day."""
    for found in (matured_days([campaign(0, report(0))], 0.5), matured_days([], 0.5)):
        assert (found.ordinal.dtype, found.contribution.dtype, found.cost.dtype) == (np.int64, np.float64, np.float64)


def test_days_are_in_order_of_date_whatever_order_they_came_in() -> None:
    """Two campaigns whose days overlap the other way round."""
    found = matured_days(
        [campaign(0, report(4, revenue=1), report(2, revenue=2)), campaign(1, report(3, revenue=3))], 1.0
    )
    assert found.contribution.tolist() == [2.0, 3.0, 1.0]
    assert found.ordinal.tolist() == [FIRST.toordinal() + offset for offset in (2, 3, 4)]


def test_stakes_by_hand() -> None:
    """lambda = clip((15 + sum Y) / (15 + sum Y^2), 0, 1/2) over the days that matured before the day began."""
    lost = Days(np.arange(12), np.zeros(12), np.full(12, 2 * CAP))  # Y = -2 a day at h = 0
    stake = profit_test(lost, worst_day_micros=CAP, h=0.0, lag_days=1.0).stake
    lag = profit.maturing_days(1.0)
    assert lag == 3  # ln 10 days, rounded up
    for number in range(12):
        known = max(number - lag, 0)
        assert stake[number] == pytest.approx(min(max((15 - 2 * known) / (15 + 4 * known), 0.0), 0.5))


def test_one_micro_of_cost_has_a_return() -> None:
    """An ROI is unknown without cost and known with any."""
    assert profit.roi(Days(np.arange(1), np.array([3.0]), np.array([1.0]))) == 2.0
    assert profit.roi(Days(np.arange(1), np.array([3.0]), np.array([0.0]))) is None


def test_gains_alone_have_no_drawdown() -> None:
    """Nothing is nothing, to the micro, and the first micro lost is one."""
    for lost, expected in ((0.0, 0), (1.0, 1)):
        found = Days(np.arange(2), np.array([20.0 - lost, 90.0]), np.full(2, 20.0))
        assert profit.drawdown_micros(found) == expected


def earning(*contributions: float, cost: float = 20e6) -> Days:
    """Days that cost alike."""
    n = len(contributions)
    return Days(np.arange(n), np.array(contributions), np.full(n, cost))


def test_the_radius_is_that_of_the_paper() -> None:
    """arXiv 2103.06476, theorem 2.2 and section B.2 by another way of writing it: rho^2 tuned for a time, two-sided."""
    for n, alpha, tuned in ((10, 0.05, 30), (60, 0.0304, 30), (8, 0.05, 8)):
        rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1) / tuned)
        under = (n * rho) ** 2 / (n * rho**2 + 1)
        expected = math.sqrt(math.log((n * rho**2 + 1) / alpha**2) / under)
        assert profit.asymptotic_radius(n, alpha, tuned) == pytest.approx(expected)
    assert profit.asymptotic_radius(30, 0.05) == profit.asymptotic_radius(30, 0.05, 30)


@pytest.mark.parametrize("n", [10, 25])
def test_the_upper_bound_of_roi_is_estimate_and_radius(n: int) -> None:
    """Where every day costs the same: (mean + deviation x radius) / cost - 1, on a grid of half a per cent."""
    contributions = np.resize([10e6, 30e6, 32e6], n)
    exact = (contributions.mean() + contributions.std(ddof=1) * profit.asymptotic_radius(n, 0.05)) / 20e6 - 1
    bound = profit.roi_upper_bound(earning(*contributions), 0.05)
    assert bound is not None and bound <= exact < bound + 0.005 + 1e-9


@pytest.mark.parametrize(
    ("contribution", "bound"),
    [(30.05e6, 0.5), (10e6, -0.5), (0.0, -1.0), (-5e6, -1.0), (120.1e6, 5.0), (900e6, 5.0)],
)
def test_days_that_are_all_alike_leave_no_doubt(contribution: float, bound: float) -> None:
    """The bound is the ROI itself, to the half per cent below, and it stays between -100 % and +500 %."""
    assert profit.roi_upper_bound(earning(*[contribution] * 10), 0.05) == pytest.approx(bound, abs=1e-9)


def test_a_bound_of_roi_needs_ten_days_and_some_cost() -> None:
    """Nine days have none, nor have ten that cost nothing; one micro is some."""
    assert profit.roi_upper_bound(earning(*[20e6] * 9), 0.05) is None
    assert profit.roi_upper_bound(earning(*[20e6] * 10), 0.05) == pytest.approx(0.0, abs=1e-9)
    assert profit.roi_upper_bound(earning(*[20e6] * 10, cost=0.0), 0.05) is None
    tiny = Days(np.arange(10), np.zeros(10), np.array([1.0] + [0.0] * 9))
    assert profit.roi_upper_bound(tiny, 0.05) is not None


def test_the_lower_bound_of_roi_lies_above_the_true_one_as_seldom_as_stated() -> None:
    """Looked at after every day of 60, of 300 campaigns whose ROI is 10 %: in at most 5 % of them, at any look."""
    random = np.random.default_rng(7)
    above = 0
    for _ in range(300):
        contributions = 22e6 * random.exponential(size=60)
        bounds = [profit.roi_lower_bound(earning(*contributions[:n]), 0.05) for n in (10, 15, 20, 30, 40, 60)]
        above += any(bound is not None and bound > 0.1 + 0.005 for bound in bounds)
    assert above <= 15


def test_the_bounds_of_roi_enclose_it() -> None:
    """Days that are all alike leave no doubt; below ten days nothing is said from below either."""
    assert profit.roi_lower_bound(earning(*[20e6] * 10), 0.05) == pytest.approx(0.0, abs=1e-9)
    assert profit.roi_lower_bound(earning(*[20e6] * 9), 0.05) is None
    uneven = earning(*[10e6, 34e6] * 10)
    low, high = profit.roi_lower_bound(uneven, 0.05), profit.roi_upper_bound(uneven, 0.05)
    assert low is not None and high is not None and low < profit.roi(uneven) < high  # type: ignore[operator]
