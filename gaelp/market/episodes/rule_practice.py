"""The baselines as an exam's simple rules: what they learn before it, and what they earn on its worlds.

An agent that earns a large part of the optimum may still earn less than a rule that anybody could write down. Touch
this to let the rules learn longer; which rules there are is in gaelp/domain/simple_rules.py.
"""

from __future__ import annotations

from dataclasses import replace

from gaelp.agents.contract import State
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import BatchPurpose
from gaelp.market.episodes.batch import BatchKey, DecidingAgent, Streams, play
from gaelp.market.episodes.episode import Episodes
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.market.world.drawn_world import draw_world

ROUNDS = 6
CAMPAIGNS = 32
"""Of each round: after six rounds more of them move no rule's reward by more than a few hundredths."""


def practised(market: MarketParameters, config: TrainingConfiguration, rule: DecidingAgent) -> State:
    """The rule's state after ROUNDS rounds of campaigns in this market, on the seeds of training."""
    together = config.market.own_campaigns
    campaigns = -(-CAMPAIGNS // together) * together
    for number in range(ROUNDS):
        names = (*BatchKey(number, BatchPurpose.TRAIN, 0).stream_names, "simple-rule")
        world = draw_world(market, config, stream(config.seed, *names, "world"), campaigns)
        act, lend, response = (stream(config.seed, *names, rule.agent.name, use) for use in ("act", "lend", "response"))
        trajectory, _ = play(Episodes(market, config, world, response), rule, Streams(act, lend, response))
        rule = replace(rule, state=rule.agent.learn(rule.state, [trajectory]))
    return rule.state
