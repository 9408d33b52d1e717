"""What a trap's world is made of: settings, rates that differ by cell or by day, and reports that claim something else.

A scene is a market of ours with changes on top. What is true of it decides the scores; what its reports claim is all
that an agent sees. Touch this to give traps another way to mislead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from gaelp.agents.contract import Decision
from gaelp.arrays import F8
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.episodes.episode import Episodes
from gaelp.market.parameters import MarketParameters
from gaelp.market.scoring.episode_scores import ScoringInputs
from gaelp.market.world.drawn_world import World, draw_world
from gaelp.market.world.drift import Factors
from gaelp.market.world.reporting_lag import Tick

Settings = Mapping[str, Mapping[str, Any]]
Days = tuple[float, ...]
"""A factor for each day of an episode; empty: 1 on every day."""

DAYS = 7
SEGMENTS = 4
BASE: Settings = {
    "market": {"segments": SEGMENTS, "creatives": 6, "click_rate": 0.007, "creative_spread": 0.3},
    "simulation": {"days": DAYS, "daily_budget": 100},
    "clock": {"tick_hours": 24},
}
"""What all scenes share: a click is worth more than most impressions cost, and the budget seldom binds, so that a
wrong belief about values moves the bids and not only their order."""


@dataclass(frozen=True)
class Cells:
    """Some cells of a market and what multiplies their rates; None stands for every segment, or every creative."""

    segment: int | None = None
    creative: int | None = None
    click: float = 1.0
    conversion: float = 1.0

    def of(self, rates: F8, factor: float) -> F8:
        """Rates f8[S, K] with those of the cells multiplied, 1 at the most."""
        changed = rates.copy()
        rows, columns = (slice(None) if at is None else slice(at, at + 1) for at in (self.segment, self.creative))
        changed[rows, columns] = np.minimum(changed[rows, columns] * factor, 1.0)
        return changed


@dataclass(frozen=True)
class Scene:
    """One world: `settings` lie over BASE; `cells`, `traffic` and the days' factors are true, claims are reported.

    A claim multiplies the conversions that are reported, and nothing that is earned.
    """

    settings: Settings = field(default_factory=dict)
    cells: tuple[Cells, ...] = ()
    traffic: tuple[float, ...] = ()  # share of each segment's auctions; empty: as the market has them
    conversion_days: Days = ()
    price_days: Days = ()
    claims: tuple[Cells, ...] = ()
    claimed_days: Days = ()
    keeps_target: bool = False  # a platform that bids itself hears the first target only

    @property
    def config(self) -> TrainingConfiguration:
        """The configuration of this world."""
        sections = {*BASE, *self.settings}
        return TrainingConfiguration.model_validate(
            {section: {**BASE.get(section, {}), **self.settings.get(section, {})} for section in sections}
        )

    def market(self, config: TrainingConfiguration) -> MarketParameters:
        """The market as it truly is."""
        market = calibrate((), config)
        for each in self.cells:
            market = replace(market, ctr=each.of(market.ctr, each.click), cvr=each.of(market.cvr, each.conversion))
        if not self.traffic:
            return market
        shares = np.array(self.traffic) / sum(self.traffic)
        return replace(market, auctions_per_hour=market.auctions_per_hour.sum() * shares)


@dataclass(frozen=True)
class SceneTruth:
    """What clicks are worth, whatever is reported of them."""

    market: MarketParameters
    factors: Factors  # [C, D] each


Responses = Callable[[int], np.random.Generator]
"""The random stream of each tick's prices, clicks and orders."""


class SceneEpisodes(Episodes):
    """Episodes that report what is claimed and are scored by what is true.

    Each tick has a stream of its own, so that two worlds of one seed differ by what misleads and by nothing else.
    """

    def __init__(self, opened: OpenScene, world: World, truth: SceneTruth, responses: Responses) -> None:
        super().__init__(opened.reported, opened.config, world, responses(0))
        self._truth, self._responses = truth, responses
        self._keeps_target = opened.scene.keeps_target
        self._target: F8 | None = None

    def step(self, decision: Decision) -> Tick:
        """Play the tick."""
        self._response = self._responses(self.tick)
        if self._keeps_target:
            self._target = decision.target if self._target is None else self._target
            decision = replace(decision, target=self._target)
        return super().step(decision)

    @cached_property
    def _inputs(self) -> ScoringInputs:
        return replace(super()._inputs, market=self._truth.market, factors=self._truth.factors)


@dataclass(frozen=True)
class OpenScene:
    """A scene with its market, so that many batches of it can be played."""

    scene: Scene
    config: TrainingConfiguration
    market: MarketParameters

    @classmethod
    def of(cls, scene: Scene) -> OpenScene:
        """The scene with its market calibrated."""
        return cls(scene, scene.config, scene.market(scene.config))

    @property
    def reported(self) -> MarketParameters:
        """The market as its reports have it."""
        cvr = self.market.cvr
        for each in self.scene.claims:
            cvr = each.of(cvr, each.conversion)
        return replace(self.market, cvr=cvr)

    def episodes(self, campaigns: int, rng: np.random.Generator, responses: Responses) -> SceneEpisodes:
        """`campaigns` episodes of the scene before their first tick; what no action moves comes from `rng`."""
        world = draw_world(self.market, self.config, rng, campaigns)
        drawn, scene = world.factors, self.scene
        true = replace(
            drawn,
            conversion=_times(drawn.conversion, scene.conversion_days),
            price=_times(drawn.price, scene.price_days),
        )
        claimed = replace(true, conversion=_times(true.conversion, scene.claimed_days))
        return SceneEpisodes(self, replace(world, factors=claimed), SceneTruth(self.market, true), responses)


def _times(factors: F8, days: Sequence[float]) -> F8:
    """Factors f8[C, D], those of each day multiplied."""
    return factors * np.array(days) if days else factors
