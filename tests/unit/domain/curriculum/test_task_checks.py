"""Which curricula are refused, with what sentences, and what a task changes."""

from __future__ import annotations

from typing import Any

import pytest

from gaelp.configuration import loading
from gaelp.configuration.loading import ConfigurationErrors
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.curriculum.task_checks import first_cycle, sizes, task_configuration, tasks_of


def refused(*tasks: dict[str, Any], source: str = "own", **more: Any) -> list[str]:
    """The sentences with which these tasks are refused."""
    overrides = [f"curriculum.source={source}", *(f"{path}={value}" for path, value in more.items())]
    if tasks:
        overrides.append(f"curriculum.tasks={list(tasks)!r}".replace("True", "true"))
    with pytest.raises(ConfigurationErrors) as raised:
        loading.load("quick-test", environment={}, overrides=overrides)
    return [problem.message for problem in raised.value.problems]


def test_every_mistake_is_told_at_once() -> None:
    """A cycle, a missing requirement, two unknown settings, a double name and two wrong values: one sentence each."""
    messages = refused(
        {"name": "a", "requires": ["b"], "settings": {"market.price_medan": 3}},
        {"name": "b", "requires": ["c"], "settings": {"market.fatigue": 2}},
        {"name": "c", "requires": ["a", "lowprice"], "settings": {"fatigue": 0.1}},
        {"name": "low-price", "settings": {"market.drift": True}},
        {"name": "low-price"},
    )
    assert messages == [
        "names the task low-price 2 times: give each task a name of its own",
        "a sets market.price_medan, which no task can change: did you mean market.price_median?",
        "c requires lowprice, and there is no such task: did you mean low-price?",
        "c sets fatigue, which no task can change: did you mean market.fatigue?",
        "requires in a circle: a requires b requires c requires a: take one of these requirements out",
        "b sets market.fatigue to 2, and it should be less than or equal to 1",
        "low-price sets market.drift to true, and it should be a valid number",
    ]


@pytest.mark.parametrize(
    ("requires", "cycle"),
    [
        ({"a": ["a"]}, ["a", "a"]),
        ({"a": ["b"], "b": ["a"]}, ["a", "b", "a"]),
        ({"x": ["a"], "a": ["b"], "b": ["c", "d"], "c": [], "d": ["a"]}, ["a", "b", "d", "a"]),
        ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
        ({"a": ["nowhere"]}, []),
        ({}, []),
    ],
)
def test_a_cycle_is_told_with_its_path(requires: dict[str, list[str]], cycle: list[str]) -> None:
    """The path begins and ends with the same task; a diamond and a missing task are no cycle."""
    assert first_cycle(requires) == cycle


def test_a_long_chain_of_tasks_is_no_recursion() -> None:
    """Ten thousand tasks in a row are followed to their end."""
    chain = {str(number): [str(number + 1)] for number in range(10_000)}
    assert first_cycle({**chain, "10000": ["0"]})[-2:] == ["10000", "0"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"simulation.rounds": 3}, "which no task can change"),
        ({"curriculum.mastery": 0.5}, "which no task can change"),
        ({"market.creatives": 13}, "a task has at most the market's own 12"),
        ({"market.segments": 5}, "a task has at most the market's own 4"),
        ({"market.creatives": 0}, "should be greater than or equal to 1"),
        ({"market.creatives": "six"}, "should be a valid integer"),
        ({"market.fatigue": 0.2}, "market.audience is 0, an audience without end"),
        ({"market.own_campaigns": 5}, "simulation.campaigns_per_batch is 32, not a multiple of the 5"),
        ({"simulation.daily_budget": 10.001}, "nothing below 0.01 USD can be paid"),
        ({"economics.lag_days": 0}, "should be greater than 0"),
    ],
)
def test_a_task_is_a_market_that_a_run_could_have(settings: dict[str, Any], sentence: str) -> None:
    """What no run may be set to, or what is not a market's, is refused in a task, with the task's name."""
    (message,) = refused({"name": "odd", "settings": settings})
    assert sentence in message
    assert "odd" in message


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"source": "own"}, "is own, and there are no tasks"),
        ({"source": "built-in", "environment": "other/Env-v0"}, "a task changes our market, not other/Env-v0"),
        ({"source": "built-in", "personas.source": "recorded"}, "ratings of personas are of one market"),
    ],
)
def test_a_curriculum_that_cannot_be_is_refused(given: dict[str, Any], sentence: str) -> None:
    """No tasks, a foreign environment and personas each have their own sentence."""
    assert any(sentence in message for message in refused(**given))


def test_tasks_without_their_source_are_refused() -> None:
    """Own tasks that no run would train on are not passed over."""
    assert any("leave them out" in message for message in refused({"name": "a"}, source="none"))


@pytest.mark.parametrize("profile", loading.PROFILES)
@pytest.mark.parametrize("more", [(), ("currency=JPY", "economics.target_cpa=1000", "simulation.daily_budget=3000")])
def test_the_shipped_tasks_are_right_in_every_profile(profile: str, more: tuple[str, ...]) -> None:
    """Every shipped task is a configuration of its own, another one than the run's but for `as-configured`."""
    config = loading.profile(profile)
    if more:
        config = loading.load("quick-test", environment={}, overrides=["simulation.daily_budget=3000"])
    config = config.model_copy(update={"curriculum": config.curriculum.model_copy(update={"source": "built-in"})})
    tasks = tasks_of(config)
    plain = task_configuration(config, next(task for task in tasks if task.name == "as-configured"))
    changed = {task.name for task in tasks if task_configuration(config, task) != plain}
    assert changed == {task.name for task in tasks} - {"as-configured"}


def test_a_task_changes_what_it_names_and_nothing_else() -> None:
    """All other settings are the run's, and there is no curriculum within a task."""
    config = TrainingConfiguration.model_validate(
        {
            "market": {"audience": 500, "creatives": 8},
            "curriculum": {
                "source": "own",
                "tasks": [{"name": "a", "settings": {"market.fatigue": 0.1, "market.creatives": 3}}],
            },
        }
    )
    (task,) = tasks_of(config)
    of_task = task_configuration(config, task)
    assert (of_task.market.fatigue, of_task.market.audience, of_task.curriculum.source) == (0.1, 500, "none")
    assert of_task.economics == config.economics
    assert sizes(config, task) == (None, 3)
