"""The training configuration: where settings come from, what is refused, its digest and its flat form."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaelp.configuration import loading
from gaelp.configuration.loading import (
    PROFILES,
    ConfigurationErrors,
    check,
    digest,
    from_legacy_config,
    load,
    profile,
    to_legacy_config,
)
from gaelp.domain.config import older_form
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.settings import Settings

ROOT = Path(__file__).parents[3]
# Changes whenever a setting, a default or the profile does: compare it with a digest of yours, then write it anew.
QUICK_TEST_DIGEST = "d588b4535420628529d74c0bfb12df9aca369ee93c5e61176dba615afe8ce2e2"


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _refused(
    what: str | Path, environment: Mapping[str, str] | None = None, overrides: Sequence[str] = ()
) -> ConfigurationErrors:
    with pytest.raises(ConfigurationErrors) as caught:
        load(what, environment=environment or {}, overrides=overrides)
    return caught.value


def _only(error: ConfigurationErrors) -> loading.Problem:
    assert len(error.problems) == 1, str(error)
    return error.problems[0]


# ---------------------------------------------------------------- where a setting comes from


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_is_valid_and_bears_its_name(name: str) -> None:
    """Each shipped profile loads, names itself, and is also usable by its path."""
    config = profile(name)
    assert config.profile == name
    assert load(ROOT / "config" / f"{name}.yaml", environment={}) == config
    assert (config.mode == "advisory") == (name in ("quick-test", "development"))


def test_later_sources_win(tmp_path: Path) -> None:
    """Profile < file < environment < --set, and of two --set the later."""
    file = _file(
        tmp_path, "profile: development\nsimulation: {rounds: 20, days: 20, exam_looks: 20, exam_batches: 20}\n"
    )
    environment = {"GAELP_SIMULATION__DAYS": "30", "GAELP_SIMULATION__EXAM_LOOKS": "30"}
    config = load(file, environment=environment, overrides=["simulation.exam_looks=40", "simulation.exam_looks=41"])
    simulation = config.simulation
    assert simulation.batches_per_round == profile("development").simulation.batches_per_round
    assert (simulation.exam_batches, simulation.rounds) == (20, 20)
    assert (simulation.days, simulation.exam_looks) == (30, 41)
    assert load(file, environment={"GAELP_SIMULATION__DAYS": "30"}).simulation.exam_looks == 20


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
    problem = _only(_refused("quick-test", {"GAELP_PROFILE": "development"}))
    assert (problem.path, problem.source) == ("profile", "environment variable GAELP_PROFILE")
    assert load("quick-test", environment={"GAELP_PROFILE": "quick-test"}) == profile("quick-test")


# ---------------------------------------------------------------- what is refused


def test_every_error_is_reported_at_once_with_its_source(tmp_path: Path) -> None:
    """Unknown keys, wrong types, bounds, combinations and bad YAML of all sources come in one exception."""
    file = _file(
        tmp_path,
        "profile: staging\n"
        "simulation:\n"
        "  round: 3\n"
        '  rounds: "6"\n'
        "  days: true\n"
        "live_test: {daily_cap: 60}\n"
        "mode: advisory\n"
        "scaled: 3\n",
    )
    error = _refused(
        file,
        {"GAELP_SIMULATION_ROUNDS": "3", "GAELP_CLOCK__TIME_SCALE": "soon"},
        ["live_test.dayly_cap=3", "seed=[1", "currency"],
    )
    assert {(problem.path, problem.source) for problem in error.problems} == {
        ("simulation.round", f"{file}:3"),
        ("simulation.rounds", f"{file}:4"),
        ("simulation.days", f"{file}:5"),
        ("live_test.daily_cap", f"{file}:6"),
        ("mode", f"{file}:7"),
        ("scaled", f"{file}:8"),
        ("simulation_rounds", "environment variable GAELP_SIMULATION_ROUNDS"),
        ("clock.time_scale", "environment variable GAELP_CLOCK__TIME_SCALE"),
        ("live_test.dayly_cap", "--set live_test.dayly_cap=3"),
        ("seed", "--set seed=[1"),
        ("currency", "--set currency"),
    }
    assert [path for path, _ in error.errors] == [problem.path for problem in error.problems]
    for problem in error.problems:
        assert str(problem) in str(error)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("simulation.round", "did you mean simulation.rounds?"),
        ("rounds", "did you mean simulation.rounds?"),
        ("simulaton", "did you mean simulation?"),
        ("seeed", "did you mean seed?"),
        ("live_test.daily_cup", "did you mean live_test.daily_cap?"),
        ("random_seed", "seed is its name now"),
        ("redis_host", "GAELP_REDIS_URL"),
    ],
)
def test_an_unknown_key_comes_with_a_suggestion(tmp_path: Path, given: str, meant: str) -> None:
    """Whether in a file or by --set, an unknown key is refused and the likely one is named."""
    *section, name = given.split(".")
    text = f"{section[0]}:\n  {name}: 1\n" if section else f"{name}: 1\n"
    for error in (_refused(_file(tmp_path, text)), _refused("quick-test", overrides=[f"{given}=1"])):
        problem = _only(error)
        assert problem.path == given
        assert meant in problem.message


def test_an_unknown_variable_comes_with_a_suggestion() -> None:
    """A misspelled GAELP_ variable is refused, and the suggestion is a variable, of a setting or of a service."""
    for name, meant in (
        ("GAELP_SIMULATION_ROUNDS", "GAELP_SIMULATION__ROUNDS"),
        ("GAELP_SEEED", "GAELP_SEED"),
        ("GAELP_TEMPORAL_ADRESS", "GAELP_TEMPORAL_ADDRESS"),
    ):
        problem = _only(_refused("quick-test", {name: "1"}))
        assert f"did you mean {meant}?" in problem.message
        assert problem.source == f"environment variable {name}"


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("live_test.daily_cap=9.99", "greater than or equal to 10"),
        ("live_test.daily_cap=50.01", "less than or equal to 50"),
        ("live_test.daily_cap=20.001", "decimal places"),
        ("clock.tick_hours=5", "1, 2, 3, 4, 6, 8, 12 or 24"),
        ("scaled.raise_step=0.21", "less than or equal to 0.2"),
        ("simulation.rounds=0", "greater than or equal to 1"),
        ("simulation.daily_budget=0", "greater than 0"),
        ("market.frequency_cap=101", "less than or equal to 100"),
        ("market.click_rate=1e-9", "greater than or equal to 0.000001"),
        ("market.price_spread=1e-9", "greater than or equal to 0.01"),
        ("market.price_spread=3.1", "less than or equal to 3"),
        ("market.price_median=1000001", "less than or equal to 1000000"),
        ("market.creative_spread=11", "less than or equal to 10"),
        ("market.hourly_auctions=1000000001", "less than or equal to 1000000000"),
        ("market.audience=10000000001", "less than or equal to 10000000000"),
        ("simulation.rounds='6'", "valid integer"),
        ("simulation.rounds=6.5", "valid integer"),
        ("simulation.rounds=true", "valid integer"),
        ("simulation.rounds=", "valid integer"),
        ("economics.margin=.nan", "finite"),
        ("limits.alerts=[0.5, .inf]", "finite"),
        ("seed=-1", "greater than or equal to 0"),
        ("agent=Bad Name", "valid name"),
        ("agent=7", "quotes"),
        ("currency=usd", "three capitals"),
        ("historical.logs=a", "valid array"),
        ("simulation=3", "is a section: give its keys"),
        ("simulation.rounds={a: 1}", "valid integer"),
        ("clock.start=2026-13-45", "cannot be read: month must be"),
        ("seed=!!python/object:os.system {}", "could not determine a constructor"),
    ],
)
def test_a_bad_value_is_refused_by_name(override: str, says: str) -> None:
    """Bounds and types hold as YAML gives them; nothing is coerced, nothing is executed."""
    problem = _only(_refused("quick-test", overrides=[override]))
    assert problem.path.startswith(override.split("=")[0])
    assert says in problem.message
    assert problem.source == f"--set {override}"


@pytest.mark.parametrize(
    ("base", "overrides", "path", "remedy"),
    [
        ("staging", ["mode=advisory"], "mode", "set mode to strict"),
        ("production", ["clock.time_scale=0"], "clock.time_scale", "set it to 1"),
        ("production", ["clock.start=2026-01-05T00:00:00Z"], "clock.start", "leave it out"),
        ("quick-test", ["clock.start=2026-01-05T00:00:00"], "clock.start", "end it with Z"),
        ("quick-test", ["live_test.campaigns=4"], "live_test.streak", "lower the streak"),
        ("quick-test", ["live_test.days=1", "live_test.minimum_spend=51"], "live_test.minimum_spend", "lower it"),
        ("quick-test", ["scaled.daily_cap=89.99"], "scaled.daily_cap", "raise the cap"),
        ("quick-test", ["limits.daily=399"], "scaled.daily_cap", "raise limits.daily"),
        ("quick-test", ["limits.run=49"], "limits.run", "raise limits.run"),
        ("quick-test", ["limits.campaign=49"], "limits.campaign", "lower the cap"),
        ("quick-test", ["limits.alerts=[0.9, 0.5]"], "limits.alerts", "sort them"),
        ("quick-test", ["historical.logs=[a, a]"], "historical.logs", "name each once"),
        ("staging", ["simulation.exam_looks=1", "simulation.exam_batches=1", "simulation.campaigns_per_batch=49"],
         "simulation.consistency_episodes", "raise exam_batches"),
        ("staging", ["simulation.exam_looks=1", "simulation.exam_batches=3", "simulation.campaigns_per_batch=64",
                     "market.own_campaigns=4"], "simulation.consistency_episodes", "has 48 at the most"),
        ("quick-test", ["simulation.rounds=101", "simulation.batches_per_round=50"], "simulation.rounds",
         "5050 batches, where 5000 can be numbered: lower either"),
        ("quick-test", ["simulation.exam_batches=3001", "simulation.exam_looks=1"], "simulation.exam_batches",
         "3001 batches, where 3000 can be numbered: lower either"),
        ("quick-test", ["market.fatigue=0.2"], "market.audience", "set it to a number of people"),
    ],
)  # fmt: skip
def test_an_impossible_combination_has_a_remedy(base: str, overrides: list[str], path: str, remedy: str) -> None:
    """Settings that are valid one by one and cannot work together are refused in a sentence that says what to do."""
    problem = _only(_refused(base, overrides=overrides))
    assert problem.path == path
    assert remedy in problem.message
    assert problem.source.startswith(("--set", str(ROOT / "config")))


def test_the_environments_settings_count_before_a_contradiction_is_seen() -> None:
    """A world that sets an audience may tire otherwise than it does, and the whole configuration says so."""
    config = load("quick-test", environment={}, overrides=["environment=gaelp/AdMarketDrift-v0", "market.fatigue=0.2"])
    assert (config.market.fatigue, config.market.audience) == (0.2, 20_000)
    check(config)


def test_numbers_that_just_fit_are_accepted() -> None:
    """All batch numbers that there are may be used, and campaigns of a foreign world are episodes by themselves."""
    full = ["rounds=100", "batches_per_round=50", "exam_batches=300", "exam_looks=10"]
    load("quick-test", environment={}, overrides=[f"simulation.{each}" for each in full])
    few = ["simulation.exam_looks=1", "simulation.exam_batches=3", "simulation.campaigns_per_batch=64"]
    load("staging", environment={}, overrides=[*few, "market.own_campaigns=4", "environment=mine/World-v0"])


def test_a_combination_with_a_bad_value_is_not_guessed() -> None:
    """A rule about a setting that is itself wrong says nothing; another rule still does."""
    error = _refused("staging", overrides=["live_test.campaigns=11", "live_test.streak=12", "mode=advisory"])
    assert {problem.path for problem in error.problems} == {"live_test.campaigns", "mode"}


def test_a_configuration_made_in_python_is_checked_too() -> None:
    """check() refuses the impossible combination that a model alone admits."""
    check(profile("production"))
    with pytest.raises(ConfigurationErrors, match="advisory is for quick-test"):
        check(profile("production").model_copy(update={"mode": "advisory"}))


@pytest.mark.parametrize(
    ("text", "path", "says", "line"),
    [
        ("seed: 1\nseed: 2\n", "seed", "given twice", ":2"),
        ("clock:\n  tick_hours: 1\n  tick_hours: 2\n", "clock.tick_hours", "given twice", ":3"),
        ("seed: 1\n bad: 2\n", "", "line 2", ""),
        ("seed: [1\n", "", "line 2", ""),
        ("a: 1\n--- \nb: 2\n", "", "expected a single document", ""),
        ("- 1\n", "", "mapping", ":1"),
        ("seed: \x07\n", "", "not YAML", ""),
        ("[" * 5000, "", "nested too deeply", ""),
        ("seed: &x [*x]\n", "seed", "recursive", ":1"),
        ("? [a]\n: 1\n", "(a key that is not text)", "unknown key", ":1"),
        ("profile: prod\n", "profile", "must be one of", ":1"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str, path: str, says: str, line: str) -> None:
    """Bad YAML and doubled keys are refused with their line, however broken the file is."""
    file = _file(tmp_path, text)
    problem = _only(_refused(file))
    assert problem.path == path
    assert says in problem.message
    assert problem.source == f"{file}{line}"


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    """A misspelled profile is suggested; bytes that are no text are named."""
    assert "did you mean quick-test?" in _only(_refused("quicktest")).message
    assert "there is no profile or file" in _only(_refused(tmp_path / "none.yaml")).message
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    assert "UTF-8" in _only(_refused(tmp_path / "binary.yaml")).message


# ---------------------------------------------------------------- digest


def test_the_digest_is_the_same_in_another_process(tmp_path: Path) -> None:
    """The digest of quick-test is one literal, here and in a fresh interpreter elsewhere."""
    code = "from gaelp.configuration.loading import digest, profile; print(digest(profile('quick-test')))"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Pacific/Auckland"}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert told.stdout.strip() == digest(profile("quick-test")) == QUICK_TEST_DIGEST, told.stderr


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


# ---------------------------------------------------------------- the flat form


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


def test_the_constants_of_older_callers_are_the_profiles() -> None:
    """DEVELOPMENT_CONFIG and its like are the shipped profiles, and the older callers' line works as they wrote it."""
    assert loading.DEVELOPMENT_CONFIG == profile("development")
    assert loading.QUICK_TEST_CONFIG == profile("quick-test")
    assert loading.STAGING_CONFIG == profile("staging")
    assert loading.PRODUCTION_CONFIG == profile("production")
    assert TrainingConfiguration(**loading.DEVELOPMENT_CONFIG.to_legacy_config()) == profile("development")


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
    ("flat", "says"),
    [
        ({"redis_host": "x", "experiment_id": "y"}, "GAELP_REDIS_URL"),
        ({"experiment_id": "y"}, "--experiment-name"),
        ({"random_sed": 1}, "Extra inputs"),
        ({"random_seed": 1, "seed": 2}, "two names of one setting"),
        ({"simulation_episodes": 12.5}, "whole number"),
        ({"simulation_episodes": 12, "simulation_batches_per_round": 0}, "greater than or equal to 1"),
        ({"simulation_days": 3, "simulation": 7}, "belongs to the section simulation"),
        ({"real_testing_budget_limit": 5.0}, "greater than or equal to 10"),
        ({"mode": "advisory", "profile": "production"}, "advisory is for quick-test"),
    ],
)
def test_a_flat_form_that_cannot_be_is_refused(flat: dict[str, Any], says: str) -> None:
    """Retired, unknown and doubled flat keys are refused by name: none is ignored."""
    with pytest.raises(ConfigurationErrors, match=re.escape(says)):
        from_legacy_config(flat)


def test_the_page_lists_exactly_the_flat_keys() -> None:
    """docs/configuration.md has every flat key with its setting, every retired one, and no other."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE)
    keys = {key: f"`{'.'.join(path)}`" for key, path in older_form.keys(TrainingConfiguration).items()}
    assert dict(rows) == keys | older_form.RETIRED
    assert len(rows) == len(keys) + len(older_form.RETIRED)
    assert set(profile("quick-test").to_legacy_config()) == set(keys)


def test_the_environments_settings_are_in_the_digest_and_yield_to_what_was_set() -> None:
    """The effective configuration is the one that is named: a default that was set is another than the world's own."""
    world = "environment=gaelp/AdMarketAutobid-v0"
    whole = load("quick-test", environment={}, overrides=[world])
    back = load("quick-test", environment={}, overrides=[world, "market.bidding=manual"])
    assert (whole.market.bidding, back.market.bidding) == ("target-cpa", "manual")
    assert digest(whole) != digest(back)
    assert digest(TrainingConfiguration.model_validate(loading.canonical(whole))) == digest(whole)


@pytest.mark.parametrize(
    ("overrides", "path", "said"),
    [
        (["personas.source=recorded"], "personas.source", r"obd-random-all: set historical.logs=\[\]"),
        (["personas.source=recorded", "historical.logs=[]", "market.creatives=5"], "market.creatives", "set it to 12"),
    ],
)
def test_texts_of_other_creatives_are_refused_before_a_run(overrides: list[str], path: str, said: str) -> None:
    """Personas rate the texts of the creatives that are shown, and of no others."""
    (problem,) = _refused("quick-test", overrides=overrides).problems
    assert problem.path == path and re.search(said, problem.message)
    load("quick-test", environment={}, overrides=["personas.source=recorded", "historical.logs=[]"])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("environment=CartPole-v1", "is no Gymnasium id with a namespace"),
        ("remote.url=localhost:8900", "is no address: write http://HOST:PORT"),
        ("currency=usd", "is no currency: use its three capitals"),
    ],
)
def test_no_regular_expression_reaches_a_person(override: str, said: str) -> None:
    """What has the wrong form is told the right one in words."""
    (problem,) = _refused("quick-test", overrides=[override]).problems
    assert problem.message.startswith(said) and "^" not in problem.message
