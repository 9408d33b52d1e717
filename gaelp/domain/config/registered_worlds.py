"""The environments that we register with Gymnasium, each an id with its settings of `market`.

Results under one id stay comparable, so a listed environment never changes: a changed one gets a new version of its id.
Touch this only to add an environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.market_sections import Market

SettingValue = str | int | float


@dataclass(frozen=True)
class Variant:
    """A world of ours: what it is, and where its `market` section differs from the defaults."""

    about: str
    market: Mapping[str, SettingValue] = field(default_factory=dict)


VARIANTS: Mapping[str, Variant] = {
    "gaelp/AdMarket-v0": Variant("second-price auctions, counts drawn per campaign, segment, creative and hour"),
    "gaelp/AdMarketAuctions-v0": Variant(
        "the same market with every auction resolved: slower, the reference", {"resolution": "per-auction"}
    ),
    "gaelp/AdMarketFirstPrice-v0": Variant("a winner pays its own bid", {"auction": "first-price"}),
    "gaelp/AdMarketAutobid-v0": Variant(
        "the platform bids towards the agent's target cost per conversion", {"bidding": "target-cpa"}
    ),
    "gaelp/AdMarketDrift-v0": Variant(
        "season, drift, sudden change, fatigue, organic conversions, late reports, over-delivery",
        {
            "season": 0.2,
            "drift": 0.05,
            "change": 0.5,
            "change_chance": 0.3,
            "audience": 20_000,
            "fatigue": 0.1,
            "frequency_cap": 6,
            "organic_share": 0.3,
            "reporting_lag_hours": 6,
            "over_delivery": 1.2,
        },
    ),
}


def is_foreign(environment: str) -> bool:
    """Whether the id is another package's: ours are played without a detour through Gymnasium."""
    return environment not in VARIANTS


def together(config: TrainingConfiguration) -> int:
    """Campaigns that make one episode: those of ours that share an audience; in a foreign world each is its own."""
    return 1 if is_foreign(config.environment) else config.market.own_campaigns


def applied(config: TrainingConfiguration) -> TrainingConfiguration:
    """The configuration with the `market` settings of its `environment`, where that is one of ours.

    What nobody set is the environment's; what was set stays, a default that was set included. What the environment
    gives does not count as set, so that applying twice changes nothing and another environment takes its place; in a
    whole document everything is set. Raises ValueError where the two cannot be combined.
    """
    variant = VARIANTS.get(config.environment)
    if variant is None:
        return config
    own = {name: getattr(config.market, name) for name in config.market.model_fields_set}
    checked = Market.model_validate({**variant.market, **own})
    market = Market.model_construct(
        _fields_set=set(own), **{name: getattr(checked, name) for name in Market.model_fields}
    )
    return config.model_copy(update={"market": market})


def configured(environment: str, overrides: TrainingConfiguration | Mapping[str, Any] | None) -> TrainingConfiguration:
    """The configuration of a world: `overrides` as it is, or laid over the defaults, under the id `environment`."""
    if isinstance(overrides, TrainingConfiguration):
        return applied(overrides.model_copy(update={"environment": environment}))
    return applied(TrainingConfiguration.model_validate({**(overrides or {}), "environment": environment}))
