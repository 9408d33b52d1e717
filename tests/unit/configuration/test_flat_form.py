"""The flat form of older callers means the same configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaelp.configuration.loading import (
    PROFILES,
    ConfigurationErrors,
    digest,
    from_legacy_config,
    profile,
    to_legacy_config,
)
from gaelp.domain.config import older_form
from gaelp.domain.config.configuration import TrainingConfiguration

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", PROFILES)
def test_the_flat_form_comes_back_equal(name: str) -> None:
    """to_legacy_config and back is the same configuration with the same digest, by both ways in."""
    config = profile(name)
    flat = to_legacy_config(config)
    assert TrainingConfiguration(**flat) == from_legacy_config(flat) == config
    assert digest(from_legacy_config(flat)) == digest(config)
    assert all(isinstance(value, (str, int, float, list, type(None))) for value in flat.values())


@given(
    rounds=st.integers(1, 500),
    batches=st.integers(1, 50),
    campaigns=st.integers(1, 500),
    cents=st.integers(1000, 5000),
    seed=st.integers(0, 2**63 - 1),
)
def test_the_flat_form_loses_nothing(rounds: int, batches: int, campaigns: int, cents: int, seed: int) -> None:
    """Whatever the numbers, the flat form of a configuration is that configuration."""
    config = TrainingConfiguration.model_validate(
        {
            "seed": seed,
            "simulation": {"rounds": rounds, "batches_per_round": batches, "campaigns_per_batch": campaigns},
            "live_test": {"daily_cap": f"{cents / 100:.2f}", "minimum_spend": 0},
        }
    )
    assert digest(TrainingConfiguration(**config.to_legacy_config())) == digest(config)


def test_the_flat_form_keeps_the_names_of_older_callers() -> None:
    """The keys that older callers knew mean what they meant, and episodes become whole rounds."""
    flat: dict[str, Any] = {"simulation_episodes": 1000, "random_seed": 42, "real_testing_budget_limit": 49.9}
    config = from_legacy_config(flat)
    per_round = config.simulation.batches_per_round * config.simulation.campaigns_per_batch
    assert (config.simulation.rounds - 1) * per_round < 1000 <= config.simulation.rounds * per_round
    assert config.seed == 42
    assert str(config.live_test.daily_cap) == "49.9"
    assert to_legacy_config(config)["random_seed"] == 42


@pytest.mark.parametrize(
    ("flat", "sentence"),
    [
        ({"redis_host": "x", "experiment_id": "y"}, "GAELP_REDIS_URL"),
        ({"experiment_id": "y"}, "--experiment-name"),
        ({"random_sed": 1}, "Extra inputs"),
        ({"random_seed": 1, "seed": 2}, "two names of one setting"),
        ({"simulation_episodes": 12.5}, "whole number"),
        ({"simulation_episodes": 12, "simulation_batches_per_round": 0}, "greater than or equal to 1"),
        ({"simulation_days": 3, "simulation": 7}, "belongs to the section simulation"),
        ({"real_testing_budget_limit": 5.0}, "a live test may cost"),
        ({"mode": "advisory", "profile": "production"}, "advisory is for quick-test"),
    ],
)
def test_a_flat_form_that_cannot_be_is_refused(flat: dict[str, Any], sentence: str) -> None:
    """Retired, unknown and doubled flat keys are refused by name: none is ignored."""
    with pytest.raises(ConfigurationErrors, match=re.escape(sentence)):
        from_legacy_config(flat)


def test_the_page_lists_exactly_the_flat_keys() -> None:
    """docs/configuration.md has every flat key with its setting, every retired one, and no other."""
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE)
    keys = {key: f"`{'.'.join(path)}`" for key, path in older_form.keys(TrainingConfiguration).items()}
    assert dict(rows) == keys | older_form.RETIRED
    assert len(rows) == len(keys) + len(older_form.RETIRED)
    assert set(profile("quick-test").to_legacy_config()) == set(keys)
