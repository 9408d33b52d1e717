"""The worlds of domain/config/registered_worlds.py in Gymnasium's registry. Touch this when `make` gains an argument.

Importing this module registers them, as Gymnasium expects of a package: `import gaelp.market.gym.registration`.
"""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium

from gaelp.domain.config.registered_worlds import VARIANTS

SIMULATION = "simulation"


@dataclass(frozen=True)
class EnvironmentInfo:
    """What a package says about an environment that it registered."""

    id: str  # namespace/Name-v0
    about: str  # one line
    phases: tuple[str, ...] = (SIMULATION,)  # that it serves


def register() -> tuple[EnvironmentInfo, ...]:
    """Register our ids, where they are not yet; the entry point `ad-market` of the group gaelp.environments."""
    for name in VARIANTS:
        if name not in gymnasium.registry:
            gymnasium.register(
                id=name,
                entry_point="gaelp.market.gym.environment:AdMarket",
                vector_entry_point="gaelp.market.gym.environment:AdMarketVector",
                kwargs={"environment": name},
            )
    return tuple(EnvironmentInfo(name, variant.about) for name, variant in VARIANTS.items())


register()
