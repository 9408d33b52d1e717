"""The flat form of the configuration that older callers use.

Each setting has one flat key: SECTION_FIELD, unless older callers knew it by another name (RENAMED). What older
callers set and no configuration holds any more is in RETIRED with what to do instead: refused, never ignored.

Touch this when a setting that older callers knew gets another name or place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

RENAMED: dict[str, str] = {
    "seed": "random_seed",
    "simulation.consistency_episodes": "performance_window",
    "live_test.daily_cap": "real_testing_budget_limit",
    "scaled.improvement": "scaled_deployment_threshold",
    "limits.daily": "max_daily_budget",
    "simulation.rounds": "simulation_episodes",  # counted in rounds now: see _rounds
}

RETIRED: dict[str, str] = {
    "experiment_id": "name the run when it starts: --experiment-name, or start_training(name=...)",
    "agent_config": "an agent is an entry point in the group gaelp.agents: set agent to its name",
    "environment_configs": "the market is described by the sections economics and market",
    "historical_validation_episodes": "history is replayed by whole logs: set historical_logs",
    "curriculum_enabled": "set curriculum_source to built-in, own or none",
    "difficulty_progression_rate": "a task is harder by its settings: set curriculum_tasks",
    "safety_check_interval": "safety is checked at every tick: set clock_tick_hours",
    "anomaly_threshold": "live campaigns are watched by fixed rates of false alarms (docs/monitoring.md): leave it out",
    "checkpoint_interval": "there is a checkpoint after every learning round",
    "journey_timeout_days": "set economics_attribution_window_days",
    "inactivity_threshold_hours": "set economics_lag_days",
    "cleanup_stale_data_days": "facts are kept: nothing is cleaned up",
    "log_level": "set the environment variable GAELP_LOG_LEVEL of the worker",
    "bigquery_project": "set the environment variable GAELP_WAREHOUSE_URL to bigquery://PROJECT/DATASET",
    "bigquery_dataset": "set the environment variable GAELP_WAREHOUSE_URL to bigquery://PROJECT/DATASET",
    "redis_host": "set the environment variable GAELP_REDIS_URL",
    "redis_port": "set the environment variable GAELP_REDIS_URL",
    "pubsub_topic": "set the environment variable GAELP_PUBSUB_PROJECT",
}


def paths(model: type[BaseModel]) -> tuple[tuple[str, ...], ...]:
    """Every setting of a configuration model as (section, field) or (field,), in the model's order."""
    result: list[tuple[str, ...]] = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            result.extend((name, key) for key in inner.model_fields)
        else:
            result.append((name,))
    return tuple(result)


def keys(model: type[BaseModel]) -> dict[str, tuple[str, ...]]:
    """Flat key to (section, field) or (field,), in the model's order."""
    return {RENAMED.get(".".join(path), "_".join(path)): path for path in paths(model)}


def flat(config: BaseModel) -> dict[str, Any]:
    """The flat form: numbers, strings, booleans, lists and None. Money as a float, exact to 15 digits."""
    nested = config.model_dump()
    result = {}
    for key, path in keys(type(config)).items():
        value = nested
        for part in path:
            value = value[part]
        result[key] = _plain(value)
    result["simulation_episodes"] *= _episodes_per_round(nested["simulation"])
    return result


def nested(model: type[BaseModel], data: Mapping[str, Any]) -> dict[str, Any]:
    """The nested form of `data`, in which flat keys may stand beside sections; what is neither is left for the model.

    Raises ValueError for a retired key (with the remedy) and for a setting that is given twice.
    """
    known = keys(model)
    retired = [f"{key} is not configuration any more: {RETIRED[key]}" for key in data if key in RETIRED]
    if retired:
        raise ValueError("; ".join(retired))
    result = {key: _section(value) for key, value in data.items() if key not in known or len(known[key]) == 1}
    for key, value in data.items():
        path = known.get(key, ())
        if len(path) == 1 and path[0] != key:
            result.pop(key)
            _put(result, path[0], value, key)
        elif len(path) == 2:
            section = result.setdefault(path[0], {})
            if not isinstance(section, dict):
                raise ValueError(f"{key} belongs to the section {path[0]}, which is given as {section!r}")
            _put(section, path[1], value, key)
    if "simulation_episodes" in data:
        _rounds(model, result["simulation"])
    return result


def _put(target: dict[str, Any], field: str, value: Any, key: str) -> None:
    if field in target:
        raise ValueError(f"{key} and {field} are two names of one setting: give one of them")
    target[field] = value


def _section(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_unset=True)
    return dict(value) if isinstance(value, Mapping) else value


def _episodes_per_round(simulation: Mapping[str, Any]) -> int:
    return int(simulation["batches_per_round"]) * int(simulation["campaigns_per_batch"])


def _rounds(model: type[BaseModel], simulation: dict[str, Any]) -> None:
    """Older callers counted episodes; training goes by whole rounds, so a part of one is rounded up."""
    episodes = simulation["rounds"]
    if not isinstance(episodes, int) or isinstance(episodes, bool):
        raise ValueError(f"simulation_episodes must be a whole number, got {episodes!r}")
    sizes = {**model.model_fields["simulation"].default.model_dump(), **simulation}
    if any(not isinstance(sizes[key], int) or sizes[key] < 1 for key in ("batches_per_round", "campaigns_per_batch")):
        return  # the model refuses that size by name
    simulation["rounds"] = math.ceil(episodes / _episodes_per_round(sizes))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
