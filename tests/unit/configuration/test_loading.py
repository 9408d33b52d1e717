"""Where a setting comes from, and the digest that names a configuration."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gaelp.configuration import loading
from gaelp.configuration.loading import (
    PROFILES,
    digest,
    load,
    profile,
)
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.settings import Settings
from tests.support.configurations import only, refused

ROOT = Path(__file__).parents[3]
# Changes whenever a setting, a default or the profile does: compare it with a digest of yours, then write it anew.
QUICK_TEST_DIGEST = "044fa01ab6799e14bbbac05e85e19043bf4f6e6531bd4564033262bc708f9b8f"


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_is_valid_and_bears_its_name(name: str) -> None:
    """Each shipped profile loads, names itself, and is also usable by its path."""
    config = profile(name)
    assert config.profile == name
    assert load(ROOT / "config" / f"{name}.yaml", environment={}) == config
    assert (config.mode == "advisory") == (name in ("quick-test", "development"))


def test_later_sources_win(tmp_path: Path) -> None:
    """Profile < file < environment < --set, and of two --set the later."""
    file = _file(tmp_path, "profile: development\nsimulation: {rounds: 20, days: 20, exam_looks: 2, exam_batches: 2}\n")
    environment = {"GAELP_SIMULATION__DAYS": "30", "GAELP_SIMULATION__EXAM_LOOKS": "3"}
    config = load(file, environment=environment, overrides=["simulation.exam_looks=4", "simulation.exam_looks=5"])
    simulation = config.simulation
    assert simulation.batches_per_round == profile("development").simulation.batches_per_round
    assert (simulation.exam_batches, simulation.rounds) == (2, 20)
    assert (simulation.days, simulation.exam_looks) == (30, 5)
    assert load(file, environment={"GAELP_SIMULATION__DAYS": "30"}).simulation.exam_looks == 2


def test_a_file_without_a_profile_stands_on_quick_test(tmp_path: Path) -> None:
    """A file that names no base differs from quick-test in what it says alone."""
    config = load(_file(tmp_path, "seed: 7\n"), environment={})
    assert config == profile("quick-test").model_copy(update={"seed": 7})
    assert load(_file(tmp_path, ""), environment={}) == profile("quick-test")


def test_process_settings_are_no_configuration() -> None:
    """Every variable that Settings declares is left alone, in any case, and changes no digest."""
    environment = {f"GAELP_{name.upper()}": "x" for name in Settings.model_fields} | {"gaelp_home": "y", "PATH": "z"}
    assert digest(load("quick-test", environment=environment)) == QUICK_TEST_DIGEST


def test_a_list_is_replaced_as_a_whole() -> None:
    """--set reads YAML, and a list in a later source replaces the earlier one."""
    config = load("quick-test", environment={}, overrides=["historical.logs=[mine]"])
    assert config.historical.logs == ("mine",)


def test_exponents_are_numbers() -> None:
    """1e-3 is a number, as everywhere but in YAML 1.1."""
    assert load("quick-test", environment={}, overrides=["market.day_shock=1e-3"]).market.day_shock == 0.001


def test_a_profile_cannot_be_renamed() -> None:
    """The name of a profile belongs to its values: environment and --set may not change it."""
    problem = only(refused("quick-test", {"GAELP_PROFILE": "development"}))
    assert (problem.path, problem.source) == ("profile", "environment variable GAELP_PROFILE")
    assert load("quick-test", environment={"GAELP_PROFILE": "quick-test"}) == profile("quick-test")


def test_the_digest_is_the_same_in_another_process(tmp_path: Path) -> None:
    """The digest of quick-test is one literal, here and in a fresh interpreter elsewhere."""
    code = "from gaelp.configuration.loading import digest, profile; print(digest(profile('quick-test')))"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland"}
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert process.stdout.strip() == digest(profile("quick-test")) == QUICK_TEST_DIGEST, process.stderr


def test_the_digest_names_values_not_spellings() -> None:
    """20, 20.0 and 20.00 are one amount and one instant has one spelling; another value is another digest."""
    spelled = [
        load("quick-test", environment={}, overrides=[f"live_test.daily_cap={text}", f"clock.start={start}"])
        for text, start in (("20", "2026-01-05T01:00:00+01:00"), ("20.0", "2026-01-05T00:00:00Z"), ("'20.00'", "null"))
    ]
    digests = [digest(config) for config in spelled]
    assert digests[0] == digests[1] != digests[2]
    assert digest(load("quick-test", environment={}, overrides=["seed=1"])) != QUICK_TEST_DIGEST


def test_the_digest_survives_json() -> None:
    """A configuration that has travelled as JSON, as through Temporal, keeps its digest."""
    for name in PROFILES:
        config = load(name, environment={}, overrides=["live_test.daily_cap=20", "simulation.daily_budget=12.3"])
        assert digest(TrainingConfiguration.model_validate_json(config.model_dump_json())) == digest(config)


def test_the_strict_profiles_name_the_agent_that_their_own_exams_do_not_refuse() -> None:
    """docs/traps.md has it that incremental-thompson avoids every trap that gates, and the default agent does not."""
    named = {name: profile(name).agent for name in PROFILES}
    default = TrainingConfiguration().agent
    assert named == {
        "quick-test": default, "development": default,
        "staging": "incremental-thompson", "production": "incremental-thompson",
    }  # fmt: skip
    assert load("staging", environment={}, overrides=["agent=uniform"]).agent == "uniform"


def test_the_constants_of_older_callers_are_the_profiles() -> None:
    """DEVELOPMENT_CONFIG and its like are the shipped profiles, and the older callers' line works as they wrote it."""
    assert loading.DEVELOPMENT_CONFIG == profile("development")
    assert loading.QUICK_TEST_CONFIG == profile("quick-test")
    assert loading.STAGING_CONFIG == profile("staging")
    assert loading.PRODUCTION_CONFIG == profile("production")
    assert TrainingConfiguration(**loading.DEVELOPMENT_CONFIG.to_legacy_config()) == profile("development")


def test_the_environments_settings_are_in_the_digest_and_yield_to_what_was_set() -> None:
    """The digest names the effective configuration: a setting that was set to its default differs from the world's."""
    world = "environment=gaelp/AdMarketAutobid-v0"
    whole = load("quick-test", environment={}, overrides=[world])
    back = load("quick-test", environment={}, overrides=[world, "market.bidding=manual"])
    assert (whole.market.bidding, back.market.bidding) == ("target-cpa", "manual")
    assert digest(whole) != digest(back)
    assert digest(TrainingConfiguration.model_validate(loading.canonical(whole))) == digest(whole)
