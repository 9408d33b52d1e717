"""A value that YAML 1.1 and YAML 1.2 read differently is refused by name, and an alias before it is repeated."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest
import yaml

from gaelp.configuration.loading import load
from gaelp.configuration.yaml_readings import OneReading, two_readings
from tests.support.configurations import only, refused

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(9)
)


def _ambiguity(text: str) -> str:
    node = OneReading(text).get_single_node()
    assert node is not None
    return two_readings(node)


@pytest.mark.parametrize(
    ("text", "older", "newer"),
    [
        ("010", "8", "10"),
        ("-010", "-8", "-10"),
        ("08", "the text", "8"),
        ("007", "", ""),
        ("0o10", "the text", "8"),
        ("0b101", "5", "the text"),
        ("-0x10", "-16", "the text"),
        ("0x1_0", "16", "the text"),
        ("1_000", "1000", "the text"),
        ("1_000.5", "the number", "the text"),
        ("1:30", "90", "the text"),
        ("190:20:30", "685230", "the text"),
        ("1:30.5", "the number", "the text"),
        ("01e3", "the text", "the number"),
        ("yes", "true", "the text"),
        ("No", "false", "the text"),
        ("ON", "true", "the text"),
        ("off", "false", "the text"),
        ("y", "true", "the text"),
        ("N", "false", "the text"),
        ("2026-01-05", "a date", "the text"),
        ("2026-1-5 10:00:00", "a date", "the text"),
        ("2026-01-05 10:00:00Z", "a date", "the text"),
        ("=", "a value", "the text"),
        ("[1, [010]]", "8", "10"),
        ("{no: 1}", "false", "the text"),
        ("{name: 1:30}", "90", "the text"),
    ],
)
def test_a_value_with_two_readings_is_named_with_both(text: str, older: str, newer: str) -> None:
    """Octals, underscores, sexagesimals, words for booleans and dates, at any depth; where both agree all is well."""
    said = _ambiguity(text)
    assert (f"has two readings, {older} in YAML 1.1 and {newer} in YAML 1.2" in said) if older else not said


@pytest.mark.parametrize(
    "text",
    ["0", "10", "-3", "+5", "0x1F", "1.5", ".5", "1.", "1e-3", "2.5E+7", ".inf", ".nan", "true", "False", "null", "~",
     "", "2026-01-05T00:00:00Z", "2026-01-05T00:00:00.25+01:00", "'010'", '"yes"', "'1:30'", "!!str 010", "!!str no",
     "obd-random-all", "a:b", "1-2", "v1_0", "10.0.0.1", "nope", "yesterday"],
)  # fmt: skip
def test_a_value_with_one_reading_is_read(text: str) -> None:
    """Plain numbers, quoted text and full instants are what they were."""
    assert _ambiguity(f"[{text}]") == ""


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("seed=010", "010 has two readings, 8"),
        ("simulation.rounds=1:30", "1:30 has two readings, 90"),
        ("simulation.rounds=0o10", "0o10 has two readings"),
        ("simulation.rounds=1_000", "1_000 has two readings, 1000"),
        ("personas.token_probabilities=yes", "yes has two readings, true"),
        ("safety.forbidden_keywords=[shoes, no]", "no has two readings, false"),
        ("clock.start=2026-01-05", "2026-01-05 has two readings, a date"),
    ],
)
def test_such_a_setting_is_refused_wherever_it_comes_from(tmp_path: Path, override: str, named: str) -> None:
    """In a file, in a variable and after --set, the path and both readings are said."""
    path, _, text = override.partition("=")
    *section, field = path.split(".")
    file = tmp_path / "mine.yaml"
    file.write_text(f"{section[0]}:\n  {field}: {text}\n" if section else f"{field}: {text}\n")
    variable = f"GAELP_{path.upper().replace('.', '__')}"
    for error in (refused(file), refused("quick-test", {variable: text}), refused("quick-test", overrides=[override])):
        problem = only(error)
        assert problem.path == path and named in problem.message and "write the one that is meant" in problem.message


def test_quotes_make_the_text_of_it(tmp_path: Path) -> None:
    """The remedy works: `no` in quotes is the forbidden keyword no."""
    config = load("quick-test", environment={}, overrides=["safety.forbidden_keywords=[shoes, 'no']"])
    assert config.safety.forbidden_keywords == ("shoes", "no")


@pytest.mark.parametrize("wrap", ["{}", "historical:\n  logs: [*a]\n{}", "personas: {{people: *a}}\n{}"])
def test_an_alias_bomb_is_refused_at_once(tmp_path: Path, wrap: str) -> None:
    """Ten lines that stand for 10^10 values cost neither time nor memory, wherever in the file they are used."""
    file = tmp_path / "bomb.yaml"
    file.write_text(wrap.format(BOMB) if wrap == "{}" else BOMB + wrap.format(""))
    tracemalloc.start()
    begun = time.process_time()
    problem = only(refused(file))
    assert time.process_time() - begun < 2 and tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert "the alias *a is not read: write out what it stands for" in problem.message and "line 2" in problem.message


def test_a_merge_and_a_recursive_alias_are_refused_too(tmp_path: Path) -> None:
    """<<: *x, and a list that holds itself, are aliases like any other; an anchor alone is none."""
    file = tmp_path / "mine.yaml"
    for text in ("clock: &x {tick_hours: 1}\nscaled:\n  <<: *x\n", "seed: &x [*x]\n"):
        file.write_text(text)
        assert "the alias *x is not read" in only(refused(file)).message
    file.write_text("seed: &x 7\n")
    assert load(file, environment={}).seed == 7


def test_the_readings_of_1_1_are_pyyamls() -> None:
    """What is called YAML 1.1 here is what PyYAML's own safe loader makes of the text."""
    for text, value in (("010", 8), ("1:30", 90), ("1_000", 1000), ("0b101", 5), ("yes", True), ("-0x10", -16)):
        assert yaml.safe_load(text) == value
        assert f"has two readings, {str(value).lower()} in YAML 1.1" in _ambiguity(text)
