"""The optimum U against linear programmes, bidders and its own limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import linprog

from gaelp.market.auctions.aggregate_auctions import Slot, aggregate
from gaelp.market.audience.fatigue import AudienceState, FiniteAudience
from gaelp.market.audience.frequency_cap import capped_mean
from gaelp.market.scoring import episode_scores, impression_values, optimum, optimum_with_fatigue
from gaelp.market.scoring.episode_scores import ScoringInputs
from gaelp.market.scoring.impression_values import FatigueCurve
from gaelp.market.scoring.marginal_cost import Landscape
from gaelp.market.scoring.optimum_with_fatigue import EpisodeProblem
from gaelp.market.world.drift import Factors
from tests.support.scored_markets import (
    CREATIVES,
    DAYS,
    SEGMENTS,
    best_creatives,
    bid_expected,
    daily_problem,
    market,
    scored,
    setting,
    value_of,
)

KINDS = [(False, 0.0), (True, 0.0), (False, 6e6), (True, 5e6)]


def best(where: ScoringInputs) -> optimum.DailyOptimum:
    """The optimum of each day."""
    return optimum.best_profit(daily_problem(where))


def at_spend(where: ScoringInputs, spend: np.ndarray) -> np.ndarray:
    """Best profit of days that spend so much."""
    return optimum.best_at_spend(daily_problem(where), spend)


def by_linprog(where: ScoringInputs, day: int, spend: float | None = None) -> float:
    """Shares of a day's auctions per bid of a fine grid, at most one bid in each auction; some spend, or all of it."""
    level, budget = where.factors.price[0, day], where.budget_micros[0, day]
    bids = np.append(np.geomspace(5e5, 1e8, 1200), where.curves.reserve)[:, None] * np.ones(SEGMENTS)
    count = where.auctions[0, day]
    cost = (count * where.curves.spend(bids) * level / 1000).T / 1e6
    value = (count * where.curves.win_rate(bids) * value_of(where)[0, day] / 1000).T / 1e6
    once = np.kron(np.eye(SEGMENTS), np.ones((1, len(bids))))
    limit = (budget if spend is None else spend) / 1e6
    gain = value - cost if spend is None else value
    rows = np.concatenate([once, cost.reshape(1, -1)])
    solved = linprog(-gain.ravel(), A_ub=rows, b_ub=[1] * SEGMENTS + [limit], method="highs")
    assert solved.status == 0
    return (-solved.fun - (0.0 if spend is None else spend / 1e6)) * 1e6


@pytest.mark.parametrize(("first_price", "reserve"), KINDS)
@pytest.mark.parametrize("budget", [2e6, 1.5e7, 1e9])
def test_the_dual_equals_a_linear_programme_over_bids(first_price: bool, reserve: float, budget: float) -> None:
    """In either auction, with or without a reserve or a binding budget, U is scipy's optimum over a fine bid grid."""
    where = setting(market(first_price, reserve), budget)
    assert best(where).profit[0, 1] == pytest.approx(by_linprog(where, 1), rel=0.003)


@pytest.mark.parametrize(("first_price", "reserve"), KINDS)
@pytest.mark.parametrize("spend", [1e6, 2e7, 7e7, 2e8])
def test_the_best_at_a_spend_equals_a_linear_programme(first_price: bool, reserve: float, spend: float) -> None:
    """Too little, too much and more money than everything costs: the best profit is the programme's at that spend."""
    where = setting(market(first_price, reserve))
    found = float(at_spend(where, np.full((1, DAYS), spend))[0, 1])
    assert found == pytest.approx(by_linprog(where, 1, spend), rel=0.003, abs=2e5)


@pytest.mark.parametrize("budget", [1e6, 4e6, 9e6, 1e9])
def test_prices_in_two_lumps_are_mixed_over(budget: float) -> None:
    """In a first price with cheap and dear rivals and nothing between them, U is still the programme's."""
    world = market(first_price=True)
    lumps = np.zeros(401)
    lumps[60:80], lumps[180:200] = 0.4 / 20, 0.6 / 20
    prices = replace(world.prices, cdf=np.tile(np.cumsum(lumps), (SEGMENTS, 1)))
    where = setting(replace(world, prices=prices), budget)
    assert best(where).profit[0, 1] == pytest.approx(by_linprog(where, 1), rel=0.005)


def test_the_optimum_is_reached_at_its_own_spend() -> None:
    """Spending what the optimum spends, the best profit is the optimum, and any other spend earns no more."""
    for first_price, reserve in KINDS:
        for budget in (5e6, 1e9):
            top = best(setting(market(first_price, reserve), budget))
            where = setting(market(first_price, reserve), budget)
            assert at_spend(where, top.spend) == pytest.approx(top.profit, rel=1e-6)
            assert np.all(at_spend(where, 0.9 * top.spend) < top.profit)
            assert np.all(at_spend(where, np.minimum(1.1 * top.spend, budget)) <= top.profit * (1 + 1e-6))


def test_more_budget_never_earns_less_and_its_shadow_price_falls_to_nothing() -> None:
    """U rises with the budget, concavely, until the budget no longer binds."""
    tops = [best(setting(market(), budget)) for budget in np.linspace(1e5, 2e8, 40)]
    profit = np.array([top.profit[0, 0] for top in tops])
    shadow = np.array([top.shadow[0, 0] for top in tops])
    assert np.all(np.diff(profit) >= -1e-6) and np.all(np.diff(profit, 2) <= 1e-3)
    assert shadow[0] > 0 and np.all(np.diff(shadow) <= 1e-9) and shadow[-1] == 0
    assert tops[0].spend[0, 0] == 1e5 and tops[-1].spend[0, 0] < 2e8


@pytest.mark.parametrize(("first_price", "reserve"), KINDS)
def test_nothing_is_worth_its_price(first_price: bool, reserve: float) -> None:
    """Where every impression costs more than it is worth, or nothing is for sale, the optimum is to spend nothing."""
    where = setting(market(first_price, reserve))
    problem = daily_problem(where)
    dear = optimum.best_profit(replace(problem, price_level=np.full((1, DAYS), 1e4)))
    assert np.all(dear.profit <= 1e-6) and np.all(dear.spend == 0)
    empty = optimum.best_profit(replace(problem, auctions=where.auctions * 0))
    assert np.all(empty.profit == 0)
    worthless = optimum.best_at_spend(replace(problem, value_micros=0 * value_of(where)), np.full((1, DAYS), 5e6))
    assert worthless == pytest.approx(-5e6)


def test_a_reserve_above_every_bid_sells_all_at_the_reserve() -> None:
    """Beyond the histogram the reserve is the price of every impression, and the landscape has that one step."""
    where = setting(market(reserve=2e8))
    value = np.full((1, DAYS, SEGMENTS), 2.5e8)
    flat, rich = np.ones((1, DAYS)), np.full((1, DAYS), 1e12)
    top = optimum.best_profit(replace(daily_problem(where), value_micros=value, price_level=flat, budget=rich))
    assert top.profit == pytest.approx(where.auctions.sum(axis=2) * 5e7 / 1000, rel=1e-6)


@pytest.mark.parametrize("first_price", [False, True])
@pytest.mark.parametrize("budget", [1e7, 1e9])
def test_no_bidder_beats_the_optimum(first_price: bool, budget: float) -> None:
    """Of a thousand bidders with the best creatives none that keeps its budget earns more in expectation."""
    where = setting(market(first_price), budget, campaigns=1000)
    rng = np.random.default_rng(3)
    bid = value_of(where) * rng.uniform(0.05, 1.2, (1000, DAYS, 1)) * rng.uniform(0.7, 1.3, (1000, 1, SEGMENTS))
    _, cost = bid_expected(where, bid, best_creatives())
    share = np.minimum(1.0, budget / np.maximum(cost.sum(axis=(2, 3)).T, 1))  # it stops when the day's money is gone
    level = where.factors.price[..., None]
    won = where.auctions * where.curves.win_rate(bid / level) * share[..., None]
    paid = where.auctions * where.curves.spend(bid / level) * level * share[..., None]
    profit = ((won * value_of(where) - paid) / 1000).sum(axis=2)
    assert np.all(profit <= best(where).profit * (1 + 1e-6) + 1.0)
    assert profit.max() > 0.9 * best(where).profit.max()


def test_realised_auctions_stay_near_their_optimum() -> None:
    """With wins and prices drawn, a bidder's profit exceeds U only by the noise of its episode."""
    where = setting(market(), campaigns=200)
    rng = np.random.default_rng(5)
    bid, level = value_of(where), where.factors.price[..., None]
    chance, spend = where.curves.win_rate(bid / level), where.curves.spend(bid / level) * level
    wins = rng.binomial(where.auctions, chance)
    square = where.curves.paid(bid / level).square * level**2 / np.maximum(chance, 1e-9)
    mean = spend / np.maximum(chance, 1e-9)
    cost = rng.normal(wins * mean, np.sqrt(wins * np.maximum(square - mean**2, 0))) / 1000
    ratio = (wins * value_of(where) / 1000 - cost).sum(axis=(1, 2)) / best(where).profit.sum(axis=1)
    error = ratio.std() / np.sqrt(len(ratio))
    assert abs(ratio.mean() - 1) < 5 * error + 1e-4 and ratio.std() < 0.05


# ---------------------------------------------------------------- fatigue and frequency caps


def problem_of(where: ScoringInputs, reach: FiniteAudience) -> EpisodeProblem:
    """What the campaigns could buy in the episode."""
    curve = FatigueCurve.of(impression_values.impression_value_micros(where.market), reach)
    factor, landscape = where.factors.click * where.factors.conversion, Landscape.of(where.curves)
    return EpisodeProblem(landscape, curve, reach, factor, where.auctions, where.factors.price, where.budget_micros)


def people(count: float) -> np.ndarray:
    """An audience of that size in every segment."""
    return np.full(SEGMENTS, count)


@pytest.mark.parametrize(("first_price", "reserve"), KINDS)
@pytest.mark.parametrize("budget", [5e6, 2e7, 1e9])
def test_without_fatigue_the_programme_is_the_sum_of_its_days(first_price: bool, reserve: float, budget: float) -> None:
    """With next to no fatigue, or a cap that never binds, the episode's optimum is that of its days within 0.3 %."""
    where = setting(market(first_price, reserve), budget)
    days = best(where).profit.sum(axis=1)
    for reach in (FiniteAudience(people(5000), 1e-9, 0), FiniteAudience(people(5000), 0.0, 20)):
        found = optimum_with_fatigue.best_profit_with_fatigue(problem_of(where, reach))
        assert found.profit == pytest.approx(days, rel=0.003)
        assert np.all(found.spend <= where.budget_micros * (1 + 1e-6))


def test_fatigue_and_small_audiences_cost_profit() -> None:
    """The optimum falls with fatigue and rises with the audience."""
    where = setting(market())
    reaches = [
        FiniteAudience(people(count), share, 0) for count, share in ((9000, 0.1), (3000, 0.1), (3000, 0.5), (500, 1.0))
    ]
    profits = [
        float(optimum_with_fatigue.best_profit_with_fatigue(problem_of(where, reach)).profit[0]) for reach in reaches
    ]
    assert profits == sorted(profits, reverse=True) and profits[-1] < 0.5 * profits[0]


def capped_profit(where: ScoringInputs, bids: np.ndarray, cap: int, audience: np.ndarray) -> np.ndarray:
    """Expected profit [N] of bids [N, D, H, S] micros CPM in H even parts of each day, in the limit of many people."""
    level = where.factors.price[0][:, None, None]
    rate = where.curves.win_rate(bids / level)
    tried = np.cumsum(where.auctions[0][:, None] / bids.shape[2] * rate, axis=2) / audience
    views = audience * np.diff(capped_mean(tried, cap), axis=2, prepend=0.0)
    unit = where.curves.spend(bids / level) * level / np.maximum(rate, 1e-300)
    return ((value_of(where)[0][:, None] - unit) * views / 1000).sum(axis=(1, 2, 3))


@pytest.mark.parametrize("first_price", [False, True])
@pytest.mark.parametrize(("cap", "slack"), [(1, 0.005), (2, 0.04), (4, 0.04)])
def test_no_bids_beat_the_optimum_under_a_cap(cap: int, slack: float, first_price: bool) -> None:
    """Of thousands of bids that rise during each day none earns more, and the best comes near: with a cap of 1 to half
    a per cent, with more as near as somebody may come who does not know how many views each person had.
    """
    audience = people(700)
    reach, where = FiniteAudience(audience, 0.0, cap), setting(market(first_price))
    rng = np.random.default_rng(3)
    level = np.geomspace(0.05, 1.0, 60)[:, None, None, None] * np.ones((1, DAYS, 1, 1))
    rise = np.linspace(0.0, 1.0, 24)[None, None, :, None]
    tried = [
        level ** (1 - rise**power) * top * value_of(where)[0][:, None]
        for power in (0.5, 1.0, 2.0, 4.0, 8.0, 1e3)
        for top in (0.4, 0.6, 0.8, 0.9, 1.0)
    ]
    tried += [bid * np.exp(rng.normal(0, 0.05, bid.shape)) for bid in tried[::4]]
    # Days and segments stand for themselves, so that each may have the best of all that was tried.
    best_of = np.zeros((DAYS, SEGMENTS))
    for bid in tried:
        for day in range(DAYS):
            for segment in range(SEGMENTS):
                alone = np.zeros_like(bid)
                alone[:, day, :, segment] = bid[:, day, :, segment]
                earned = capped_profit(where, alone, cap, audience).max()
                best_of[day, segment] = max(best_of[day, segment], earned)
    found = optimum_with_fatigue.best_profit_with_fatigue(problem_of(where, reach)).profit[0]
    assert (1 - slack) * found <= best_of.sum() <= found * 1.001
    assert found < 0.95 * best(where).profit.sum()


def test_impressions_under_a_cap_cost_no_more_than_at_steady_bids() -> None:
    """What the market's own auctions give for a steady bid is bought for that money or less, and not for far less."""
    where, reach = setting(market()), FiniteAudience(people(700), 0.0, 2)
    bid = value_of(where)[:, 0].astype(np.int64)
    hourly = np.repeat(where.auctions[:, :1] // 24, 24, axis=1)
    shape, campaigns = (SEGMENTS, CREATIVES), 100
    nothing = np.zeros((campaigns, *shape), np.int64)
    slot = Slot(
        auctions=np.repeat(hourly, campaigns, axis=0),
        bid_micros=np.repeat(bid, campaigns, axis=0),
        creative_prob=np.broadcast_to(best_creatives(), nothing.shape),
        budget_micros=np.full(campaigns, 10**12),
        ctr=np.zeros(nothing.shape),
        cvr=np.zeros(nothing.shape),
        price_level=np.full(campaigns, where.factors.price[0, 0]),
        audience=AudienceState(reach, nothing, nothing.sum(axis=2)),
    )
    served = aggregate(where.curves, slot, np.random.default_rng(6))
    day = replace(
        problem_of(where, reach), auctions=hourly.sum(axis=1, keepdims=True), price_level=where.factors.price[:, :1]
    )
    views = day.most_impressions(served.cost_micros.sum(axis=2).mean(axis=0)[None, None])[0, 0]
    share = served.wins.sum(axis=2).mean(axis=0) / views
    assert np.all(share < 1.001) and np.all(share > 0.8)


def test_the_fatigue_curve_is_the_value_of_greedy_impressions() -> None:
    """A segment's curve equals showing, one impression after the other, the creative with the highest value."""
    value, reach = np.array([[3.0, 2.0, 0.5, 0.0]]), FiniteAudience(np.array([40.0]), 0.8, 0)
    shown, worth = np.zeros(4), [0.0]
    for _ in range(200):
        now = value[0] * (1 - 0.8 / 40.0) ** shown
        worth.append(worth[-1] + now.max())
        shown[now.argmax()] += 1
    curve = FatigueCurve.of(value, reach).value_of_first(np.arange(201.0)[:, None])[:, 0]
    assert curve == pytest.approx(np.array(worth), rel=0.02, abs=0.02)


def test_no_bidder_beats_the_optimum_under_fatigue() -> None:
    """Bidders that mix their creatives any way never earn more than the programme's optimum by more than its 1 %."""
    reach = FiniteAudience(people(2000), 0.5, 0)
    where = setting(market(), 4e7, campaigns=1, audience=reach)
    top = optimum_with_fatigue.best_profit_with_fatigue(problem_of(where, reach)).profit[0]
    rng = np.random.default_rng(4)
    reached = 0.0
    for scale in rng.uniform(0.2, 1.0, 200):
        shares = rng.dirichlet(np.ones(3), SEGMENTS) * 0.7 + 0.3 * best_creatives()
        shown, cost = bid_expected(where, scale * value_of(where), shares)
        if np.all(cost.sum(axis=(2, 3)) <= 4e7):
            reached = max(reached, float(episode_scores.expected_profit_micros(where, shown, cost)[0]))
    assert 0.7 * top < reached <= top * 1.01


@pytest.mark.parametrize(("count", "share", "cap"), [(2000.0, 0.5, 0), (300.0, 1.0, 0), (1500.0, 0.3, 2)])
def test_the_optimum_under_fatigue_can_be_reached(count: float, share: float, cap: int) -> None:
    """Without drift a bidder that bids the worth of the last view it will buy earns the optimum within 1 %."""
    reach, flat = FiniteAudience(people(count), share, cap), np.ones((1, DAYS))
    where = setting(market(), factors=Factors(flat, flat, flat, flat), audience=reach)
    value = impression_values.impression_value_micros(where.market)
    low, high = np.zeros(SEGMENTS), value.max(axis=1)
    for _ in range(50):
        last = (low + high) / 2
        views = np.maximum(np.log(value / last[:, None]), 0) * reach.lifetime[:, None]  # of each creative until then
        won, _ = bid_expected(
            where, np.broadcast_to(last * 1000, where.auctions.shape), np.eye(CREATIVES)[[0] * SEGMENTS]
        )
        dear = won.sum(axis=(0, 1, 3)) < views.sum(axis=1)
        low, high = np.where(dear, last, low), np.where(dear, high, last)
    mix = views / views.sum(axis=1, keepdims=True)
    shown, cost = bid_expected(where, np.broadcast_to(last * 1000, where.auctions.shape), mix)
    top = optimum_with_fatigue.best_profit_with_fatigue(problem_of(where, reach)).profit[0]
    assert episode_scores.expected_profit_micros(where, shown, cost)[0] == pytest.approx(top, rel=0.01)


def test_spending_the_optimums_total_earns_the_optimum() -> None:
    """At its own total the best profit is the optimum's; less and more money earn less, far more loses the excess."""
    where, reach = setting(market(), 3e7), FiniteAudience(people(3000), 0.3, 5)
    top = optimum_with_fatigue.best_profit_with_fatigue(problem_of(where, reach))
    total = top.spend.sum(axis=1)
    assert optimum_with_fatigue.best_at_total(problem_of(where, reach), total) == pytest.approx(top.profit, rel=1e-6)
    less, more = (optimum_with_fatigue.best_at_total(problem_of(where, reach), total * part) for part in (0.7, 1.4))
    assert less < top.profit and more < top.profit
    far = [optimum_with_fatigue.best_at_total(problem_of(where, reach), np.array([amount])) for amount in (1e9, 1.1e9)]
    assert far[0] - far[1] == pytest.approx(1e8)


# ---------------------------------------------------------------- docs/gates.md, criteria 1 and 2


def test_the_optimal_bidder_scores_one() -> None:
    """Bidding the value with the best creatives, without a binding budget, reaches the optimum and succeeds."""
    where = setting(market())
    found = scored(where, value_of(where))
    assert found.reward[0] == pytest.approx(1.0, abs=1e-3) and found.counted[0] and found.success[0]
    assert found.optimum_micros[0] == pytest.approx(best(where).profit.sum())


def test_success_needs_all_of_its_parts() -> None:
    """A winner fails for a better incumbent, a CPA above target, or spend above the budget and its over-delivery."""
    where = setting(market())
    shown, cost = bid_expected(where, value_of(where), best_creatives())
    none, spent = np.zeros(1), int(cost.sum())
    assert episode_scores.score(where, shown, cost, none).success[0]
    assert not episode_scores.score(where, shown, cost, np.full(1, 1e12)).success[0]
    assert not episode_scores.score(replace(where, target_cpa_micros=1_000_000), shown, cost, none).success[0]
    tight = replace(where, daily_budget_micros=spent // DAYS - 1)
    assert not episode_scores.score(tight, shown, cost, none).success[0]
    assert episode_scores.score(replace(tight, over_delivery=1.01), shown, cost, none).success[0]


def test_a_groups_success_is_one() -> None:
    """Money that one campaign leaves to another of its group is not lost: groups are compared with groups."""
    where = setting(market())
    pair = replace(
        where,
        auctions=np.repeat(where.auctions, 2, axis=0),
        factors=type(where.factors)(**{name: np.repeat(f, 2, axis=0) for name, f in vars(where.factors).items()}),
        budget_micros=np.repeat(where.budget_micros, 2, axis=0),
        together=2,
    )
    shown, cost = bid_expected(where, value_of(where), best_creatives())
    idle = np.zeros_like(shown)
    both, paid = np.concatenate([shown, idle], axis=1), np.concatenate([cost, np.zeros_like(cost)], axis=1)
    earned = episode_scores.score(pair, both, paid, np.zeros(2)).profit_micros[0]
    assert episode_scores.score(pair, both, paid, np.full(2, 0.4 * earned)).success.all()
    assert not episode_scores.score(pair, both, paid, np.full(2, 0.6 * earned)).success.any()


def test_a_loss_is_clipped_in_the_reward_but_not_in_the_ratio() -> None:
    """An episode that loses money has reward 0 and a negative ratio."""
    where = setting(market(first_price=True))
    found = scored(where, 2 * value_of(where))
    assert found.reward[0] == 0 and found.ratio[0] < 0 and not found.success[0]


def test_an_episode_without_scope_is_not_counted() -> None:
    """Where the optimum is below one percent of the budget the episode is replaced, not scored."""
    where = setting(market())
    empty = replace(where, auctions=where.auctions * 0)
    assert not scored(empty, value_of(where)).counted[0] and scored(where, value_of(where)).counted[0]


def test_campaigns_of_a_group_share_one_optimum() -> None:
    """Of two campaigns with the same auctions one that wins them all brings both the joint optimum's reward."""
    for reach in (None, FiniteAudience(people(3000), 0.3, 3)):
        pair, alone = (setting(market(), 2e7, campaigns=count, together=count, audience=reach) for count in (2, 1))
        rich = replace(alone, budget_micros=2 * alone.budget_micros)
        shown, cost = bid_expected(alone, 0.7 * value_of(alone), best_creatives())
        nothing = np.zeros_like(shown)
        both = episode_scores.score(
            pair, np.concatenate([shown, nothing], 1), np.concatenate([cost, nothing], 1), np.zeros(2)
        )
        one = episode_scores.score(rich, shown, cost, np.zeros(1))
        assert both.optimum_micros.sum() >= one.optimum_micros[0] * (1 - 1e-6)
        assert both.ratio[0] == both.ratio[1]
        assert both.ratio[0] == pytest.approx(one.profit_micros[0] / both.optimum_micros.sum())
        assert both.profit_micros[1] == 0 and both.profit_micros[0] == one.profit_micros[0]
        assert both.regret.total.sum() == pytest.approx(both.optimum_micros.sum() - both.profit_micros.sum())
        if reach is None:
            assert both.optimum_micros.sum() == pytest.approx(one.optimum_micros[0])
        else:  # fatigue is per campaign's creative
            assert both.optimum_micros.sum() > 1.02 * one.optimum_micros[0]


def test_organic_conversions_count_as_attributed_only() -> None:
    """With half of the conversions organic an attributed profit hides a loss, and the optimum is of the other half."""
    where = setting(market(organic=0.5))
    found = scored(where, 2 * value_of(where))
    plain = scored(setting(market()), value_of(setting(market())))
    assert found.profit_micros[0] < 0 < found.attributed_profit_micros[0]
    assert found.optimum_micros[0] < 0.5 * plain.optimum_micros[0]
    assert plain.profit_micros == plain.attributed_profit_micros


def test_rates_never_exceed_one() -> None:
    """A click factor that would lift a rate above 1 counts only up to 1."""
    where = setting(market())
    huge = replace(where, factors=replace(where.factors, click=np.full((1, DAYS), 1e9)))
    shown, cost = bid_expected(where, value_of(where), best_creatives())
    assert episode_scores.expected_profit_micros(huge, shown, cost)[0] == pytest.approx(shown.sum() * 1e6 - cost.sum())


def test_fatigue_is_that_of_each_impression_in_turn() -> None:
    """The expected value under fatigue is the sum over single impressions, however ticks and days divide them."""
    reach = FiniteAudience(people(50.0), 0.5, 0)
    where = setting(market(), audience=reach, ticks_per_day=2)
    shown = np.random.default_rng(1).integers(0, 30, (2 * DAYS, 1, SEGMENTS, 3))
    flat = replace(where, factors=replace(where.factors, click=np.ones((1, DAYS))))
    views = shown.sum(axis=(0, 1))
    value = impression_values.impression_value_micros(where.market)
    each = [value.ravel()[i] * (1 - 0.5 / 50) ** np.arange(n) for i, n in enumerate(views.ravel())]
    found = episode_scores.expected_profit_micros(flat, shown, np.zeros_like(shown))[0]
    assert found == pytest.approx(float(sum(row.sum() for row in each)), rel=1e-9)


def test_an_unfinished_episode_is_refused() -> None:
    """Scoring fewer ticks than the days have says so."""
    where = setting(market(), ticks_per_day=2)
    shown, cost = bid_expected(where, value_of(where), best_creatives())
    with pytest.raises(ValueError, match="3 ticks are not 3 days of 2"):
        episode_scores.expected_profit_micros(where, shown, cost)
