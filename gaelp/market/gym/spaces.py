"""The agent contract as Gymnasium spaces, and the way between the two. Touch this when the contract gains a field.

Without an axis of campaigns here is one campaign; a vector environment puts C in front of every shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from gymnasium import spaces

from gaelp.agents.contract import HEADS, LARGEST_BID_MICROS, Decision, InvalidDecision, Observation, WorldShape
from gaelp.agents.decision_checks import checked
from gaelp.arrays import B1, F8, Array
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.calibration.calibrate import click_value_micros
from gaelp.market.parameters import MarketParameters
from gaelp.money import micros

Values = dict[str, Array]

MOST = 2**53  # of counts and money: integers up to it survive a float64
MOST_ROAS = 100.0
MOST_CPA_IN_ORDERS = 10.0  # a conversion that costs ten orders is no target
FIELDS = tuple(each.name for each in fields(Observation))
MAY_BE_LEFT_OUT = ("spend_rate",)


def heads(config: TrainingConfiguration) -> tuple[str, ...]:
    """The heads that a market of this configuration takes: a platform that bids itself takes a target, and no bids."""
    first = "bid_micros" if config.market.bidding == "manual" else "target"
    return (first, "creative_prob", "spend_rate")


def observation_space(market: MarketParameters, config: TrainingConfiguration) -> spaces.Dict:
    """The fields of contract.Observation for one campaign, with their dtypes and bounds."""
    segments, candidates = market.ctr.shape
    budget = micros(config.simulation.daily_budget)
    count = _whole((segments, candidates))
    return spaces.Dict(
        {
            "hour": _whole((), 23),
            "weekday": _whole((), 6),
            "time_left": spaces.Box(0.0, 1.0, (), np.float64),
            "budget_left_micros": _whole((), max(budget, 1)),
            "impressions": count,
            "clicks": count,
            "matured_conversions": count,
            "cost_micros": count,
            "segment_features": _features(market.segment_features),
            "candidate_features": _features(market.candidate_features),
            "mask": spaces.Box(np.zeros(candidates, bool), np.ones(candidates, bool), dtype=np.bool_),
            "click_value_micros": _whole((), max(2 * click_value_micros(config.economics), 1)),
        }
    )


def action_space(market: MarketParameters, config: TrainingConfiguration) -> spaces.Dict:
    """The heads that this market takes, for one campaign.

    bid_micros reaches to the highest price of the curves, which wins nearly everything. creative_prob are weights:
    the environment divides them by their sum. target is micros per conversion, or revenue over cost.
    """
    cells = market.ctr.shape
    most_cpa = MOST_CPA_IN_ORDERS * float(market.order_value_micros)
    offered: dict[str, spaces.Space[Any]] = {
        "bid_micros": _whole(cells[:1], int(min(np.ceil(np.max(market.prices.high)), LARGEST_BID_MICROS))),
        "creative_prob": spaces.Box(0.0, 1.0, cells, np.float64),
        "spend_rate": spaces.Box(0.0, 1.0, (), np.float64),
        "target": spaces.Box(0.0, MOST_ROAS if config.market.bidding == "target-roas" else most_cpa, (), np.float64),
    }
    return spaces.Dict({head: offered[head] for head in heads(config)})


def shape_of(space: spaces.Space[Any]) -> WorldShape:
    """The sizes of one campaign's observation space; features that it lacks count as filled in by foreign_fields."""
    known = space.spaces if isinstance(space, spaces.Dict) else {}
    shapes = {name: one.shape or (0, 0) for name, one in known.items()}
    segments, candidates = shapes["impressions"]
    _, segment_features = shapes.get("segment_features", (segments, segments))
    _, candidate_features = shapes.get("candidate_features", (candidates, 1))
    return WorldShape(segments, candidates, segment_features, candidate_features)


def observed(observation: Observation) -> Values:
    """An observation of C campaigns as the value of a vector environment's space; fresh arrays."""
    return {name: np.array(getattr(observation, name)) for name in FIELDS}


def alone(values: Mapping[str, Array]) -> Values:
    """The first campaign of `values`, without its axis; fresh arrays."""
    return {name: np.array(value[0]) for name, value in values.items()}


def observation(values: Mapping[str, Any]) -> Observation:
    """What a vector environment returned, as agents take it. For the single one: `observation(batched(values))`."""
    return Observation.from_arrays(values)


def batched(values: Mapping[str, Any]) -> Values:
    """The values of one campaign with an axis of one campaign in front."""
    return {name: np.asarray(value)[None] for name, value in values.items()}


def action(decision: Decision) -> Values:
    """An agent's decision as a vector environment's action: the heads that it has."""
    given = {head: getattr(decision, head) for head in HEADS}
    return {head: np.array(value) for head, value in given.items() if value is not None}


def decided(values: object, taken: tuple[str, ...], observation: Observation, step: int) -> Decision:
    """An action for C campaigns as a checked decision; heads `taken` and no others, spend_rate may be missing.

    creative_prob is divided by its sum; all zero, where no bid is on, is read as all alike. Raises InvalidDecision
    naming the step.
    """
    where = f"the action at step {step}"
    if not isinstance(values, Mapping):
        raise InvalidDecision(f"{where} is a {type(values).__name__}, not a dictionary of {', '.join(taken)}")
    missing = [head for head in taken if head not in values and head not in MAY_BE_LEFT_OUT]
    if missing:
        raise InvalidDecision(f"{where} lacks {', '.join(missing)}: this market takes {', '.join(taken)}")
    strange = sorted(set(map(str, values)) - set(taken))
    if strange:
        raise InvalidDecision(f"{where} has {', '.join(strange)}, but this market takes {', '.join(taken)}")
    given = {head: values.get(head) for head in HEADS}
    weights = _probabilities(given["creative_prob"], given["bid_micros"])
    return checked(Decision(**{**given, "creative_prob": weights}), observation, "gymnasium", step)


def _probabilities(weights: Any, bid: Any) -> Any:
    """Weights divided by their sum. What is no weight at all is left for `checked` to refuse."""
    try:
        share: F8 = np.asarray(weights).astype(np.float64)
    except (TypeError, ValueError):
        return weights
    if share.ndim == 0 or not share.shape[-1] or not np.isfinite(share).all() or (share < 0).any():
        return share
    total = share.sum(axis=-1, keepdims=True)
    off: B1 = np.zeros(share.shape[:-1], bool) if bid is None else np.asarray(bid) == 0
    if off.shape == share.shape[:-1]:
        share = np.where((total == 0) & off[..., None], 1.0 / share.shape[-1], share)
    return share / np.where(total > 0, total, 1.0)


def _whole(shape: tuple[int, ...], most: int = MOST) -> spaces.Box:
    return spaces.Box(0, most, shape, np.int64)


def _features(features: Array) -> spaces.Box:
    reach = max(1.0, float(np.abs(features).max(initial=0.0)))
    return spaces.Box(-reach, reach, features.shape, np.float32)
