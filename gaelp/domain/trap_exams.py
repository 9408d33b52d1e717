"""The trap exams: named situations in which numbers mislead, and who has to avoid which.

The worlds of each are in gaelp/market/traps, docs/traps.md says what agents of ours do in them. Touch this to add a
trap, to move its threshold, or to let one gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import is_foreign

LARGEST_GAIN = 0.25
"""An agent that earns more in a trap than without it is counted with this gain at the most."""
WHOLE_LOSS = 1.0
"""No episode counts as a larger loss, in shares of the attainable profit."""


@dataclass(frozen=True)
class Trap:
    """One situation. `threshold` is the mean loss from which on an agent fell into it, in shares of the optimum."""

    name: str
    explanation: str
    right: str  # what an agent that avoids it does
    threshold: float = 0.1
    gates: bool = False  # in the profiles of GATING_PROFILES
    flatters: bool = False  # who falls into it is credited with more profit than it brought


GATING_PROFILES: tuple[str, ...] = ("staging", "production")

TRAPS: Mapping[str, Trap] = {
    each.name: each
    for each in (
        Trap(
            "immature-days",
            "Orders come days after their clicks, so the latest days always look as if they had cost much and sold "
            "nothing.",
            "keeps its bids until the days are mature",
            gates=True,
        ),
        Trap(
            "average-cost",
            "The average cost of a conversion is still below the target when the next one already costs more than it "
            "brings.",
            "buys until the next conversion costs what it is worth",
            gates=True,
        ),
        Trap(
            "organic-harvest",
            "The people of one segment would have bought anyway, and attribution gives their orders to the ads.",
            "does not move its money to where attribution alone is high",
            gates=True,
            flatters=True,
        ),
        Trap(
            "high-season",
            "It learned while everybody bought, and the season ends before its exam.",
            "values a click by what it brings over the year",
        ),
        Trap(
            "halo",
            "Every second day another channel advertises, and its orders are claimed by these ads.",
            "does not raise its bids for another channel's orders",
            flatters=True,
        ),
        Trap(
            "changed-definition",
            "From the fourth day on a conversion is counted four times as easily, and nothing else has changed.",
            "does not take a new definition for a better campaign",
            flatters=True,
        ),
        Trap(
            "learning-reset",
            "The platform bids itself, and every large change of the target makes it learn anew.",
            "leaves the target alone until the platform has learned",
        ),
        Trap(
            "lucky-winner",
            "One of forty creatives looks far better than the others by chance.",
            "shrinks rates that rest on a handful of orders",
        ),
        Trap(
            "price-war",
            "After the first day rivals bid more than twice as much.",
            "lets go what costs more than it is worth",
        ),
        Trap(
            "cheap-autobidder",
            "The platform bids itself towards a cost per conversion that counts each order more than once.",
            "gives a target that lies well below what a conversion is worth",
        ),
        Trap(
            "double-tag",
            "The tag fires twice, so that every order is reported as two.",
            "values a click by its own books and not by the platform's counts",
            flatters=True,
        ),
        Trap(
            "two-platforms",
            "In half of the segments another platform claims the same sales.",
            "does not move its money to where sales are claimed twice",
            flatters=True,
        ),
        Trap(
            "mix-shift",
            "One creative is the best on average only because most traffic came from one segment, and the mix shifts.",
            "chooses creatives segment by segment",
        ),
        Trap(
            "coupon-returns",
            "One creative brings bargain hunters who order much and send it back after the campaign.",
            "does not chase orders that come back",
            flatters=True,
        ),
        Trap(
            "junk-placements",
            "One segment clicks five times as often and never buys.",
            "pays for orders and not for clicks",
            threshold=0.2,
        ),
    )
}
"""In the order in which reports list them."""


def required_traps(config: TrainingConfiguration) -> tuple[str, ...]:
    """The traps that a run must avoid, in the order of TRAPS."""
    gating = config.profile in GATING_PROFILES
    named = config.simulation.required_traps
    return tuple(name for name, trap in TRAPS.items() if name in named or (gating and trap.gates))


def played_traps(config: TrainingConfiguration) -> tuple[str, ...]:
    """The traps that a run is examined in: none in a foreign environment, for they are markets of ours."""
    if is_foreign(config.environment):
        return ()
    required, which = required_traps(config), config.simulation.traps
    return tuple(
        name for name, trap in TRAPS.items() if which == "all" or name in required or (which == "gating" and trap.gates)
    )
