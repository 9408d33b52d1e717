"""Plays a frozen agent beside the incumbent in every moved market. Touch this to measure its gain otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from gaelp.agents.contract import InvalidDecision
from gaelp.arrays import B1, F8
from gaelp.market.audit.moved_markets import AuditMarket, moved_markets
from gaelp.market.episodes.batch import DecidingAgent, Streams, play
from gaelp.market.episodes.episode import Episodes
from gaelp.market.scoring.episode_scores import Scores
from gaelp.market.streams import stream
from gaelp.market.world.drawn_world import World, draw_world

EPISODES = 128
"""In each market: enough to decide at the level of a first attempt for most agents of ours."""
LARGEST = 1.0
"""No gain or loss of an episode counts for more, in shares of the attainable profit."""

Key = tuple[int | str, ...]
"""What all random streams of an audit begin with; the seed is the first."""


def gains(
    own: AuditMarket, deciding: Callable[[str], DecidingAgent], key: Key, episodes: int = EPISODES
) -> Mapping[str, F8]:
    """The agent's gain over the incumbent in each market, f8[N] in [-LARGEST, LARGEST], shares of the optimum.

    All markets share their seeds; an episode counts where something was to be gained in all of them. It is a pair of
    campaigns (a whole group, where own campaigns are together), because campaigns that bid against each other make one
    number. An incumbent that loses is counted with nothing, or its losses would be the agent's gain. An episode in
    which the agent fails loses everything. `deciding` gives the agent for a market's name. Raises InvalidDecision
    where the incumbent fails.
    """
    size = max(own.config.market.own_campaigns, 2)
    played = {
        name: _gained(market, deciding(name), key, (episodes, size)) for name, market in moved_markets(own).items()
    }
    counted = np.logical_and.reduce([counts for _, counts in played.values()])
    return {name: gained[counted] for name, (gained, _) in played.items()}


def _gained(market: AuditMarket, deciding: DecidingAgent, key: Key, shape: tuple[int, int]) -> tuple[F8, B1]:
    """The gain of each episode and whether it counts; `shape` is their number, and the campaigns of each."""
    world = draw_world(market.market, market.config, _stream(key, "world"), shape[0] * shape[1])
    reference, failed = _played(market, world, deciding.incumbent_alone, (*key, "incumbent"))
    if failed.any():
        raise InvalidDecision("the incumbent failed in the exploit audit, and nothing can be compared with it")
    episodes, failed = _played(market, world, deciding, (*key, "agent"))
    scores = _scores(episodes, reference)
    profit, incumbent, optimum = (
        amount.reshape(shape).sum(axis=1)
        for amount in (scores.profit_micros, scores.incumbent_profit_micros, scores.optimum_micros)
    )
    shares = np.clip((profit - np.maximum(incumbent, 0.0)) / np.maximum(optimum, 1.0), -LARGEST, LARGEST)
    shares[failed.reshape(shape).any(axis=1)] = -LARGEST
    counted: B1 = np.all(scores.counted.reshape(shape), axis=1)
    return shares, counted


def _scores(episodes: Episodes, reference: Episodes) -> Scores:
    profit = reference.expected_profit_micros()
    return (episodes if episodes.done else reference).scores(profit)


def _played(market: AuditMarket, world: World, deciding: DecidingAgent, key: Key) -> tuple[Episodes, B1]:
    """The episodes to their end, and which campaigns failed; all of them where no decision can be carried out."""
    episodes = Episodes(market.market, market.config, world, _stream(key, "response"))
    streams = Streams(_stream(key, "act"), _stream(key, "lend"), _stream(key, "response"))
    failed = np.zeros(world.campaigns, bool)
    try:
        _, failures = play(episodes, deciding, streams)
        failed[list(failures)] = True
    except InvalidDecision:
        failed[:] = True
    return episodes, failed


def _stream(key: Key, *names: str) -> np.random.Generator:
    seed, *rest = key
    return stream(int(seed), *rest, *names)
