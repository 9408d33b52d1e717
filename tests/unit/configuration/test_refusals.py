"""Everything that is wrong with a configuration is refused at once, with its path and a remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gaelp.configuration.loading import (
    ConfigurationErrors,
    check,
    load,
    profile,
)
from tests.support.configurations import only, refused

ROOT = Path(__file__).parents[3]


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_error_is_reported_at_once_with_its_source(tmp_path: Path) -> None:
    """Unknown keys, wrong types, bounds, combinations and bad YAML of all sources come in one exception."""
    file = _file(
        tmp_path,
        "profile: staging\n"
        "simulation:\n"
        "  round: 3\n"
        '  rounds: "6"\n'
        "  days: true\n"
        "live_test: {daily_cap: -60}\n"
        "mode: advisory\n"
        "scaled: 3\n",
    )
    error = refused(
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
    for error in (refused(_file(tmp_path, text)), refused("quick-test", overrides=[f"{given}=1"])):
        problem = only(error)
        assert problem.path == given
        assert meant in problem.message


def test_an_unknown_variable_comes_with_a_suggestion() -> None:
    """A misspelled GAELP_ variable is refused, and the suggestion is a variable, of a setting or of a service."""
    for name, meant in (
        ("GAELP_SIMULATION_ROUNDS", "GAELP_SIMULATION__ROUNDS"),
        ("GAELP_SEEED", "GAELP_SEED"),
        ("GAELP_TEMPORAL_ADRESS", "GAELP_TEMPORAL_ADDRESS"),
    ):
        problem = only(refused("quick-test", {name: "1"}))
        assert f"did you mean {meant}?" in problem.message
        assert problem.source == f"environment variable {name}"


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("live_test.daily_cap=9.99", r"is 9.99 USD, and a live test may cost 10.00 USD to 50.00 USD a day: set it"),
        ("live_test.daily_cap=50.01", "is 50.01 USD, and a live test may cost"),
        ("live_test.daily_cap=20.00001", "decimal places"),
        ("currency=XAU", "'XAU' is no currency of ISO 4217 with a smallest unit: use its code"),
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
def test_a_bad_value_is_refused_by_name(override: str, sentence: str) -> None:
    """Bounds and types hold as YAML gives them; nothing is coerced, nothing is executed."""
    problem = only(refused("quick-test", overrides=[override]))
    assert problem.path.startswith(override.split("=")[0])
    assert sentence in problem.message
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
        ("quick-test", ["simulation.rounds=101", "simulation.batches_per_round=50"], "simulation.rounds",
         "5050 batches, where 5000 can be numbered: lower either"),
        ("quick-test", ["simulation.exam_batches=128", "simulation.exam_looks=1", "simulation.rounds=100"],
         "simulation.exam_batches", "128 batches with exam_looks 1, where after 100 rounds 123 can"),
        ("quick-test", ["simulation.batches_per_round=142"], "simulation.batches_per_round", "where 141 can be handed"),
        ("quick-test", ["scaled.periods=123"], "scaled.periods", "369 days, where a campaign may have 366"),
        ("quick-test", [f"safety.forbidden_keywords=['{'x' * 200_000}']"], "scaled.products", "where 200000 can be"),
        ("quick-test", ["market.fatigue=0.2"], "market.audience", "set it to a number of people"),
    ],
)  # fmt: skip
def test_an_impossible_combination_has_a_remedy(base: str, overrides: list[str], path: str, remedy: str) -> None:
    """Settings that are valid one by one and cannot work together are refused in a sentence that says what to do."""
    problem = only(refused(base, overrides=overrides))
    assert problem.path == path
    assert remedy in problem.message
    assert problem.source.startswith(("--set", str(ROOT / "config")))


def test_the_environments_settings_count_before_a_contradiction_is_seen() -> None:
    """A world that sets an audience may tire otherwise than it does, and the whole configuration says so."""
    config = load("quick-test", environment={}, overrides=["environment=gaelp/AdMarketDrift-v0", "market.fatigue=0.2"])
    assert (config.market.fatigue, config.market.audience) == (0.2, 20_000)
    check(config)


def test_numbers_that_just_fit_are_accepted() -> None:
    """An exam may fill a message, and campaigns of a foreign world are episodes by themselves."""
    full = ["rounds=100", "batches_per_round=50", "exam_batches=12", "exam_looks=10"]
    load("quick-test", environment={}, overrides=[f"simulation.{each}" for each in full])


def test_a_combination_with_a_bad_value_is_not_guessed() -> None:
    """A rule about a setting that is itself wrong says nothing; another rule still does."""
    error = refused("staging", overrides=["live_test.campaigns=11", "live_test.streak=12", "mode=advisory"])
    assert {problem.path for problem in error.problems} == {"live_test.campaigns", "mode"}


def test_a_configuration_made_in_python_is_checked_too() -> None:
    """check() refuses the impossible combination that a model alone admits."""
    check(profile("production"))
    with pytest.raises(ConfigurationErrors, match="advisory is for quick-test"):
        check(profile("production").model_copy(update={"mode": "advisory"}))


@pytest.mark.parametrize(
    ("text", "path", "sentence", "line"),
    [
        ("seed: 1\nseed: 2\n", "seed", "given twice", ":2"),
        ("clock:\n  tick_hours: 1\n  tick_hours: 2\n", "clock.tick_hours", "given twice", ":3"),
        ("seed: 1\n bad: 2\n", "", "line 2", ""),
        ("seed: [1\n", "", "line 2", ""),
        ("a: 1\n--- \nb: 2\n", "", "expected a single document", ""),
        ("- 1\n", "", "mapping", ":1"),
        ("seed: \x07\n", "", "not YAML", ""),
        ("[" * 5000, "", "nested too deeply", ""),
        ("seed: &x [*x]\n", "", "the alias *x is not read", ""),
        ("? [a]\n: 1\n", "(a key that is not text)", "unknown key", ":1"),
        ("profile: prod\n", "profile", "must be one of", ":1"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str, path: str, sentence: str, line: str) -> None:
    """Bad YAML and doubled keys are refused with their line, however broken the file is."""
    file = _file(tmp_path, text)
    problem = only(refused(file))
    assert problem.path == path
    assert sentence in problem.message
    assert problem.source == f"{file}{line}"


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    """A misspelled profile is suggested; bytes that are no text are named."""
    assert "did you mean quick-test?" in only(refused("quicktest")).message
    assert "there is no profile or file" in only(refused(tmp_path / "none.yaml")).message
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe")
    assert "UTF-8" in only(refused(tmp_path / "binary.yaml")).message


@pytest.mark.parametrize(
    ("overrides", "path", "sentence"),
    [
        (["personas.source=recorded"], "personas.source", r"obd-random-all: set historical.logs=\[\]"),
        (["personas.source=recorded", "historical.logs=[]", "market.creatives=5"], "market.creatives", "set it to 12"),
    ],
)
def test_texts_of_other_creatives_are_refused_before_a_run(overrides: list[str], path: str, sentence: str) -> None:
    """Personas rate the texts of the creatives that are shown, and of no others."""
    (problem,) = refused("quick-test", overrides=overrides).problems
    assert problem.path == path and re.search(sentence, problem.message)
    load("quick-test", environment={}, overrides=["personas.source=recorded", "historical.logs=[]"])


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("environment=CartPole-v1", "is no Gymnasium id with a namespace"),
        ("remote.url=localhost:8900", "is no address: write http://HOST:PORT"),
        ("currency=usd", "is no currency: use its three capitals"),
    ],
)
def test_no_regular_expression_reaches_a_person(override: str, sentence: str) -> None:
    """A value of the wrong form is refused in words that name the right form."""
    (problem,) = refused("quick-test", overrides=[override]).problems
    assert problem.message.startswith(sentence) and "^" not in problem.message


@pytest.mark.parametrize(
    ("overrides", "paths", "smallest"),
    [
        (["live_test.daily_cap=20.001"], ["live_test.daily_cap"], "0.01 USD"),
        (
            ["currency=JPY", "economics.order_value=2500.5", "limits.run=9999.5"],
            ["economics.order_value", "limits.run"],
            "1 JPY",
        ),
        (["currency=KWD", "scaled.daily_budget=9.1234"], ["scaled.daily_budget"], "0.001 KWD"),
    ],
)
def test_an_amount_that_nobody_can_pay_is_refused(overrides: list[str], paths: list[str], smallest: str) -> None:
    """Every amount that is paid is a whole number of its currency's smallest unit; a price per thousand need not be."""
    problems = refused("quick-test", overrides=overrides).problems
    assert [each.path for each in problems] == paths
    assert all(f"nothing below {smallest} can be paid: round it" in each.message for each in problems)
    load("quick-test", environment={}, overrides=["currency=JPY", "market.price_median=350.5"])
    load(
        "quick-test",
        environment={},
        overrides=["currency=KWD", "scaled.daily_budget=9.125", "market.price_median=0.3333"],
    )


def test_a_cap_in_another_currency_is_judged_by_the_accounts_rate() -> None:
    """10 to 50 are dollars: 5,000 yen are no wrong setting, because only the account's record knows the rate."""
    caps = ["live_test.daily_cap=5000", "limits.daily=50000", "limits.campaign=100000", "limits.run=1000000"]
    assert load("quick-test", environment={}, overrides=["currency=JPY", *caps]).live_test.daily_cap == 5000
