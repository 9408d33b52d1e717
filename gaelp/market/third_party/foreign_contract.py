"""What a foreign environment must be to serve the simulation phase. Touch this together with docs/bring_your_own.md.

It gives some of the fields of contract.Observation, at least those in NEEDED, and takes some of the heads of
contract.Decision, with the contract's shapes (C left out) and kinds of numbers. The first difference is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gymnasium import Space, spaces

from gaelp.agents.contract import HEADS
from gaelp.market.gym.spaces import FIELDS
from gaelp.market.third_party.environment_errors import BrokenContract

NEEDED = ("impressions", "clicks", "cost_micros")  # without them there is nothing to learn from and nothing to pay
LAST_INFO = ("profit_micros", "optimum_micros", "success")  # of the last step: what the episode is judged by
REGRET_INFO = ("allocation_micros", "estimation_micros", "over_bidding_micros", "under_bidding_micros")
OPTIONAL_INFO = ("attributed_profit_micros", *REGRET_INFO)  # of the last step, where the environment knows it

# A letter stands for any length, the same one wherever it occurs.
SHAPES: Mapping[str, str] = {
    "hour": "",
    "weekday": "",
    "time_left": "",
    "budget_left_micros": "",
    "impressions": "SK",
    "clicks": "SK",
    "matured_conversions": "SK",
    "cost_micros": "SK",
    "segment_features": "SF",
    "candidate_features": "KG",
    "mask": "K",
    "click_value_micros": "",
    "bid_micros": "S",
    "creative_prob": "SK",
    "spend_rate": "",
    "target": "",
}
FLOATS = {"time_left", "segment_features", "candidate_features", "creative_prob", "spend_rate", "target"}


def agree(environment: str, observation: Space[Any], action: Space[Any]) -> None:
    """Raise BrokenContract where the spaces of one campaign differ from the contract's."""
    first = difference(observation, action)
    if first:
        raise BrokenContract(f"environment {environment!r} breaks the contract: {first}: see docs/bring_your_own.md")


def difference(observation: Space[Any], action: Space[Any]) -> str:
    """The first difference in words; empty where there is none."""
    lengths: dict[str, int] = {}
    for what, space, known, needed in (
        ("observation", observation, FIELDS, NEEDED),
        ("action", action, HEADS, ()),
    ):
        if not isinstance(space, spaces.Dict) or not space.spaces:
            return f"its {what} space is a {type(space).__name__}, not a Dict with some of {', '.join(known)}"
        strange = [name for name in space.spaces if name not in known]
        if strange:
            return f"its {what} space has {strange[0]!r}, which is none of {', '.join(known)}"
        missing = [name for name in needed if name not in space.spaces]
        if missing:
            return f"its {what} space lacks {missing[0]!r}"
        for name in sorted(space.spaces, key=known.index):
            wrong = _wrong(name, space.spaces[name], lengths)
            if wrong:
                return f"its {what} space's {name!r} {wrong}"
    return ""


def _wrong(name: str, space: Space[Any], lengths: dict[str, int]) -> str:
    shape, dtype = space.shape, space.dtype
    if shape is None or dtype is None:
        return f"is a {type(space).__name__}, which holds no array"
    if name in HEADS and not isinstance(space, spaces.Box):
        return f"is a {type(space).__name__}, not a Box"
    letters = SHAPES[name]
    wanted = tuple(lengths.get(letter, letter) for letter in letters)
    if len(shape) != len(letters) or any(
        lengths.setdefault(letter, length) != length for letter, length in zip(letters, shape, strict=True)
    ):
        return f"has shape {shape}, not ({', '.join(map(str, wanted))})"
    if name == "mask":
        return "" if dtype.kind in "biu" else f"has dtype {dtype}, not bool"
    if name not in FLOATS and dtype.kind not in "iu":
        return f"has dtype {dtype}, not an integer's"
    return "" if dtype.kind in "iuf" else f"has dtype {dtype}, not a number's"
