"""A batch of simulated campaigns that advance together, and their measures. Touch this to change what an episode is.

The world (traffic, day shocks, weekday of the first day) is drawn before anyone acts, from a stream of its own, and
both the candidate and the incumbent meet it; clicks, conversions and prices paid come from response streams.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gaelp.agents.contract import Agent, Decision, Observation, State
from gaelp.agents.registry import checked
from gaelp.market import auctions, delays, measures
from gaelp.market.auctions import Market
from gaelp.market.calibration import click_value_micros
from gaelp.market.streams import stream
from gaelp.training.config import TrainingConfiguration, micros
from gaelp.training.messages import BatchResult
from gaelp.training.names import EpisodeState

I8 = npt.NDArray[np.int64]
F8 = npt.NDArray[np.float64]
COUNTS = ("impressions", "clicks", "matured_conversions", "cost_micros")


@dataclass(frozen=True)
class World:
    """What no action moves. H hours of the episode, C campaigns, S segments."""

    first_weekday: I8  # [C]
    traffic: I8  # [C, H, S] auctions
    tick_hours: int
    daily_budget_micros: int

    @property
    def ticks(self) -> int:
        return int(self.traffic.shape[1]) // self.tick_hours

    @property
    def ticks_per_day(self) -> int:
        return 24 // self.tick_hours


@dataclass(frozen=True)
class Streams:
    """The random streams of one actor in a batch."""

    act: np.random.Generator
    lend: np.random.Generator  # the incumbent's, where it lends a head
    response: np.random.Generator


def simulate(
    market: Market,
    agent: Agent,
    state: State,
    incumbent: Agent,
    incumbent_state: State,
    config: TrainingConfiguration,
    *,
    index: int,
    purpose: str,
    attempt: int,
) -> tuple[dict[str, npt.NDArray[np.generic]], BatchResult]:
    """One batch of `config.simulation.campaigns_per_batch` episodes: (trajectory, result without its digest).

    Streams are keyed (seed, "simulation", purpose, attempt where the purpose is an exam, index, what); a run's name
    enters nothing. The trajectory is that of Agent.learn, with hour, weekday, budget_left_micros i8[T, C] (what the
    tick could spend) besides. Raises InvalidDecision naming agent and step.
    """
    keys: tuple[str | int, ...] = ("simulation", purpose, *((attempt,) if purpose == "exam" else ()), index)
    world = draw_world(market, config, stream(config.seed, *keys, "world"))
    trajectory = _run(market, world, agent, state, incumbent, incumbent_state, config, _streams(config, keys, "agent"))
    reference = _run(
        market,
        world,
        incumbent,
        incumbent_state,
        incumbent,
        incumbent_state,
        config,
        _streams(config, keys, "incumbent"),
    )
    scores = measures.score(
        market,
        measures.day_traffic(world.traffic),
        trajectory["impressions"].sum(axis=0),
        trajectory["cost_micros"].sum(axis=(0, 2, 3)),
        measures.expected_profit_micros(market, reference),
        world.daily_budget_micros,
        micros(config.economics.target_cpa),
    )
    return trajectory, _result(scores, trajectory, index, purpose)


def draw_world(market: Market, config: TrainingConfiguration, rng: np.random.Generator) -> World:
    """Traffic of every hour and campaign, under a lognormal shock of mean 1 common to a campaign's day."""
    simulation, spread = config.simulation, float(market["day_shock"][0])
    campaigns, hours = simulation.campaigns_per_batch, simulation.days * 24
    first = rng.integers(7, size=campaigns)
    shock = np.exp(rng.normal(-(spread**2) / 2, spread, (campaigns, simulation.days)))
    at = np.arange(hours)
    weekday = (first[:, None] + at // 24) % 7
    hour = np.broadcast_to(at % 24, weekday.shape)
    traffic = auctions.traffic(market, hour, weekday, np.repeat(shock, 24, axis=1), rng)
    return World(first, traffic, config.clock.tick_hours, micros(simulation.daily_budget))


def _streams(config: TrainingConfiguration, keys: tuple[str | int, ...], actor: str) -> Streams:
    return Streams(*(stream(config.seed, *keys, actor, what) for what in ("act", "lend", "response")))


def _run(
    market: Market,
    world: World,
    agent: Agent,
    state: State,
    incumbent: Agent,
    incumbent_state: State,
    config: TrainingConfiguration,
    streams: Streams,
) -> dict[str, npt.NDArray[np.generic]]:
    """One actor's trajectory through the world."""
    campaigns = len(world.first_weekday)
    shape = (campaigns, *np.asarray(market["ctr"]).shape)
    log = _empty(market, world, shape, click_value_micros(config.economics))
    total = {name: np.zeros(shape, np.int64) for name in COUNTS}
    memory, lent_memory = agent.initial_memory(campaigns), incumbent.initial_memory(campaigns)
    left = np.zeros(campaigns, np.int64)
    for tick in range(world.ticks):
        if tick % world.ticks_per_day == 0:
            left = np.full(campaigns, world.daily_budget_micros)
        seen = _observe(market, world, tick, total, left, log["click_value_micros"])
        decision, memory = agent.act(state, seen, memory, streams.act)
        decision = checked(decision, seen, agent.name, tick)
        if decision.bid_micros is None or decision.creative_prob is None:
            lent, lent_memory = incumbent.act(incumbent_state, seen, lent_memory, streams.lend)
            decision = completed(decision, checked(lent, seen, incumbent.name, tick))
        left = left - _serve(market, world, tick, decision, seen, log, streams.response)
        for name in COUNTS:
            total[name] += log[name][tick]
    return dict(log)


def completed(decision: Decision, lent: Decision) -> Decision:
    """The decision with the incumbent's heads where it has none."""
    bid = lent.bid_micros if decision.bid_micros is None else decision.bid_micros
    share = lent.creative_prob if decision.creative_prob is None else decision.creative_prob
    return replace(decision, bid_micros=bid, creative_prob=share)


def _empty(market: Market, world: World, shape: tuple[int, ...], click_value: int) -> dict[str, npt.NDArray[np.int64]]:
    ticks, campaigns, segments = world.ticks, shape[0], shape[1]
    counts = {name: np.zeros((ticks, *shape), np.int64) for name in COUNTS}
    rows = {name: np.zeros((ticks, campaigns), np.int64) for name in ("hour", "weekday", "budget_left_micros")}
    return {
        **counts,
        **rows,
        "bid_micros": np.zeros((ticks, campaigns, segments), np.int64),
        "creative_prob": np.zeros((ticks, *shape)),
        "segment_features": np.asarray(market["segment_features"]),
        "candidate_features": np.asarray(market["candidate_features"]),
        "click_value_micros": np.full(campaigns, click_value),
    }


def _observe(market: Market, world: World, tick: int, total: dict[str, I8], left: I8, click_value: I8) -> Observation:
    campaigns = len(left)
    hour, day = tick * world.tick_hours % 24, tick * world.tick_hours // 24
    segment_features, candidate_features = (
        np.broadcast_to(np.asarray(market[name], np.float32), (campaigns, *market[name].shape))
        for name in ("segment_features", "candidate_features")
    )
    return Observation(
        hour=np.full(campaigns, hour),
        weekday=(world.first_weekday + day) % 7,
        time_left=np.full(campaigns, 1.0 - tick / world.ticks),
        budget_left_micros=left,
        **{name: total[name].copy() for name in COUNTS},
        segment_features=segment_features,
        candidate_features=candidate_features,
        mask=np.ones((campaigns, market["candidate_features"].shape[0]), bool),
        click_value_micros=click_value,
    )


def _serve(
    market: Market,
    world: World,
    tick: int,
    decision: Decision,
    seen: Observation,
    log: dict[str, I8],
    response: np.random.Generator,
) -> I8:
    """Serve a tick, write it into the trajectory, return its cost i8[C]."""
    rate = np.ones(len(seen.hour)) if decision.spend_rate is None else decision.spend_rate
    spendable = np.floor(rate * seen.budget_left_micros).astype(np.int64)
    hours = slice(tick * world.tick_hours, (tick + 1) * world.tick_hours)
    bid, share = np.asarray(decision.bid_micros), np.asarray(decision.creative_prob)
    served = auctions.deliver(market, world.traffic[:, hours], bid, share, spendable, response)
    log["hour"][tick], log["weekday"][tick], log["budget_left_micros"][tick] = seen.hour, seen.weekday, spendable
    log["bid_micros"][tick], log["creative_prob"][tick] = bid, share
    log["impressions"][tick], log["clicks"][tick] = served.wins, served.clicks
    log["cost_micros"][tick] = served.cost_micros
    cells, period = delays.maturity(served.conversions, world.tick_hours, float(market["lag_days"][0]), response)
    inside = tick + period < world.ticks
    flat = log["matured_conversions"].reshape(world.ticks, -1)
    np.add.at(flat, (tick + period[inside], cells[inside]), 1)
    return np.asarray(served.cost_micros.sum(axis=(1, 2)))


def _result(
    scores: measures.Scores, trajectory: dict[str, npt.NDArray[np.generic]], index: int, purpose: str
) -> BatchResult:
    keep = scores.counted
    totals = {name: int(np.asarray(trajectory[name])[:, keep].sum()) for name in COUNTS}
    return BatchResult(
        index=index,
        purpose=purpose,
        state=EpisodeState.SETTLED,
        trajectory_digest=None,
        episodes=int(keep.sum()),
        rewards=tuple(scores.reward[keep].tolist()),
        raw_rewards=tuple(scores.ratio[keep].tolist()),
        successes=tuple(scores.success[keep].tolist()),
        replaced=int((~keep).sum()),
        expected_profit_micros=round(float(scores.profit_micros[keep].sum())),
        spend_micros=totals["cost_micros"],
        impressions=totals["impressions"],
        clicks=totals["clicks"],
        conversions=totals["matured_conversions"],
    )
