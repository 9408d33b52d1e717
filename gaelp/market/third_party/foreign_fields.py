"""The values that cross between an agent and a foreign environment. Touch this to fill in a field differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import Space, spaces

from gaelp.agents.contract import Decision, Observation, TickTime, Totals, WorldShape
from gaelp.arrays import F8, Array
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.calibration.calibrate import click_value_micros
from gaelp.market.gym.spaces import MOST
from gaelp.market.third_party.environment_errors import BrokenContract
from gaelp.market.third_party.foreign_contract import FLOATS, LAST_INFO, OPTIONAL_INFO
from gaelp.money import micros

FLOAT32 = ("segment_features", "candidate_features")


def default_fields(
    shape: WorldShape, campaigns: int, tick: int, length: int, config: TrainingConfiguration
) -> dict[str, Array]:
    """The fields of campaigns without spend at the tick, [C, ...], for those that an environment does not observe.

    `length` is the number of ticks that an episode is taken to have; of one that goes on beyond it nothing is left.
    """
    hours = tick * config.clock.tick_hours
    left = max(0.0, 1.0 - tick / length)
    return Observation.build(
        TickTime(np.full(campaigns, hours % 24), np.full(campaigns, hours // 24 % 7), np.full(campaigns, left)),
        Totals.none(campaigns, shape.segments, shape.candidates),
        np.eye(shape.segments),
        np.ones((shape.candidates, 1)),
        np.full(campaigns, micros(config.simulation.daily_budget)),
        click_value_micros(config.economics),
    ).to_arrays()


def checked_field(name: str, value: Any, where: str) -> Array:
    """A field as the contract has it: finite, of its own dtype, and a new array. Raises BrokenContract."""
    array = np.asarray(value)
    if not np.isfinite(array).all():
        raise BrokenContract(f"{where}: {name} has a NaN or an infinite number")
    if name == "mask":
        return array.astype(np.bool_)
    if name in FLOAT32:
        return array.astype(np.float32)
    return array.astype(np.float64 if name in FLOATS else np.int64)


def accepted_heads(decision: Decision, space: spaces.Dict, config: TrainingConfiguration) -> dict[str, Array]:
    """The heads that a single environment's action space takes, [C, ...], within its bounds and of its dtypes."""
    return {head: _within(getattr(decision, head), one, decision, head, config) for head, one in space.spaces.items()}


def _within(
    given: Array | None, space: Space[Any], decision: Decision, head: str, config: TrainingConfiguration
) -> Array:
    assert isinstance(space, spaces.Box)  # foreign_contract.agree checks it
    campaigns = len(np.asarray(decision.creative_prob))
    if given is None:  # a platform's target, or a rate: what an agent leaves open
        given = np.full(campaigns, 1.0 if head == "spend_rate" else float(micros(config.economics.target_cpa)))
    return np.clip(np.asarray(given, np.float64), space.low, space.high).astype(space.dtype)


def last_measures(info: Mapping[str, Any], campaigns: int, where: str) -> dict[str, F8]:
    """The measures of whole episodes in the info of the last step, f8[C] each: all of LAST_INFO, and what it has of
    OPTIONAL_INFO."""
    missing = [name for name in LAST_INFO if name not in info]
    if missing:
        raise BrokenContract(f"{where}: the info of the last step lacks {missing[0]!r}")
    return {
        name: campaign_numbers(info, name, campaigns, where) for name in (*LAST_INFO, *OPTIONAL_INFO) if name in info
    }


def campaign_numbers(info: Mapping[str, Any], name: str, campaigns: int, where: str) -> F8:
    """A number of each campaign from `info`; `success` is True or False. Raises BrokenContract."""
    given = np.asarray(info.get(f"_{name}", True))  # Gymnasium marks whose info has it; it fills in 0 for the others
    value = np.asarray(info[name])
    if value.dtype == object and value.shape == (campaigns,):  # numpy's own bools, as Gymnasium stacks them
        value = np.array([each if np.isscalar(each) else np.nan for each in value])
    if not given.all():
        raise BrokenContract(f"{where}: {given.sum()} of {campaigns} campaigns have {name!r} in their info")
    if name == "success" and (value.shape != (campaigns,) or value.dtype.kind != "b"):
        raise BrokenContract(f"{where}: 'success' in its info is not True or False")
    if value.shape != (campaigns,) or value.dtype.kind not in "biuf" or not (np.abs(value) <= MOST).all():
        raise BrokenContract(f"{where}: {name!r} in its info is no finite number of at most 2**53")
    return value.astype(np.float64)
