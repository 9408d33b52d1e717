"""Which tasks a curriculum has, the configuration of each, and everything that is wrong with them, at once.

Touch this to let a task change another setting, or to refuse another mistake.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.contradiction import Contradiction
from gaelp.domain.config.curriculum_section import Curriculum, SettingValue, Task
from gaelp.domain.config.market_sections import Economics, Market
from gaelp.domain.config.registered_worlds import is_foreign
from gaelp.domain.config.section import Section
from gaelp.domain.curriculum.shipped_tasks import shipped_tasks

SIZES = ("segments", "creatives")
"""Settings of `market` that a task may only lower: its creatives are the first of the run's own."""
CHANGEABLE: tuple[str, ...] = (
    *(f"market.{name}" for name in Market.model_fields),
    *(f"economics.{name}" for name in Economics.model_fields if name != "conversion_action"),
    "simulation.daily_budget",
    "simulation.days",
)
"""Paths of the settings that a task may change; all others are the run's."""


def tasks_of(config: TrainingConfiguration) -> tuple[Task, ...]:
    """The tasks that a run with this configuration trains on; none without a curriculum."""
    curriculum = config.curriculum
    if curriculum.source == "built-in":
        return shipped_tasks(config)
    return (curriculum.tasks or ()) if curriculum.source == "own" else ()


def task_configuration(config: TrainingConfiguration, task: Task) -> TrainingConfiguration:
    """The run's configuration in the task's market, without a curriculum. Raises ValidationError for a wrong value."""
    changed: dict[str, Section] = {"curriculum": Curriculum()}
    for name in dict.fromkeys(path.partition(".")[0] for path in task.settings):
        section: Section = getattr(config, name)
        values = {path.partition(".")[2]: v for path, v in task.settings.items() if path.startswith(f"{name}.")}
        # Through JSON and strict, as every configuration is read: true is no 1 and "6" no 6.
        text = json.dumps({**section.model_dump(mode="json"), **values})
        changed[name] = type(section).model_validate_json(text, strict=True)
    return config.model_copy(update=changed)


def sizes(config: TrainingConfiguration, task: Task) -> tuple[int | None, int | None]:
    """Segments and creatives of the task, where it has fewer than the run's own market."""
    given = {name: int(task.settings[f"market.{name}"]) for name in SIZES if f"market.{name}" in task.settings}
    lowered = {name: number for name, number in given.items() if number < getattr(config.market, name)}
    return lowered.get("segments"), lowered.get("creatives")


def mistakes(config: TrainingConfiguration) -> Iterator[Contradiction]:
    """Everything that is wrong with the curriculum, at once."""
    curriculum = config.curriculum
    if (curriculum.source == "own") != (curriculum.tasks is not None):
        message = "is own, and there are no tasks: give curriculum.tasks, or take source built-in"
        if curriculum.tasks is not None:
            message = f"is {curriculum.source}, and curriculum.tasks gives own tasks: set it to own, or leave them out"
        yield Contradiction(("curriculum.source", "curriculum.tasks"), message)
    if curriculum.source != "none":
        yield from (Contradiction(("curriculum.source", path), message) for path, message in _without_tasks(config))
    tasks = tasks_of(config)
    for message in (*task_problems(config, tasks), *(each for task in tasks for each in wrong_values(config, task))):
        yield Contradiction(("curriculum.tasks", "curriculum.source"), message)


def _without_tasks(config: TrainingConfiguration) -> Iterator[tuple[str, str]]:
    """What has no tasks: a setting, and why."""
    source = config.curriculum.source
    if is_foreign(config.environment):
        yield "environment", f"is {source}, and a task changes our market, not {config.environment}: set it to none"
    if config.personas.source != "none":
        yield "personas.source", f"is {source}, and the ratings of personas are of one market: set either to none"


def task_problems(config: TrainingConfiguration, tasks: Sequence[Task]) -> Iterator[str]:
    """One sentence with a remedy for each mistake in the tasks, the values of their settings left aside."""
    names = [task.name for task in tasks]
    for name, count in Counter(names).items():
        if count > 1:
            yield f"names the task {name} {count} times: give each task a name of its own"
    for task in tasks:
        for required in task.requires:
            if required not in names:
                yield f"{task.name} requires {required}, and there is no such task{_meant(required, names)}"
        for path, value in task.settings.items():
            if path not in CHANGEABLE:
                yield f"{task.name} sets {path}, which no task can change{_meant_setting(path)}"
            elif path.removeprefix("market.") in SIZES and not _fits(config, path, value):
                most = getattr(config.market, path.removeprefix("market."))
                yield f"{task.name} sets {path} to {value}, and a task has at most the market's own {most}: lower it"
    required_by = {name: [r for task in tasks if task.name == name for r in task.requires] for name in names}
    cycle = first_cycle(required_by)
    if cycle:
        yield f"requires in a circle: {' requires '.join(cycle)}: take one of these requirements out"


def wrong_values(config: TrainingConfiguration, task: Task) -> Iterator[str]:
    """What the sections say of each value that the task gives to a setting which it may change."""
    for name in dict.fromkeys(path.partition(".")[0] for path in task.settings):
        settings = {p: v for p, v in task.settings.items() if p in CHANGEABLE and p.startswith(f"{name}.")}
        try:
            task_configuration(config, task.model_copy(update={"settings": settings}))
        except ValidationError as error:
            for each in error.errors():
                path = f"{name}.{each['loc'][0]}"
                message = each["msg"].removeprefix("Value error, ")
                yield f"{task.name} sets {path} to {json.dumps(settings.get(path))}, and it {_worded(message)}"


def first_cycle(requires: Mapping[str, Sequence[str]]) -> list[str]:
    """The first path of tasks that ends where it began, its first name repeated at its end; empty where none does."""
    finished: set[str] = set()
    for start in requires:
        path, pending = [start], [iter(requires[start])]
        while pending:
            following = next(pending[-1], None)
            if following is None:
                finished.add(path.pop())
                pending.pop()
            elif following in path:
                return [*path[path.index(following) :], following]
            elif following in requires and following not in finished:
                path.append(following)
                pending.append(iter(requires[following]))
    return []


def _fits(config: TrainingConfiguration, path: str, value: SettingValue) -> bool:
    """Whether the size is not above the market's own; a value that is no number is refused with its type."""
    return not isinstance(value, int | float) or value <= getattr(config.market, path.removeprefix("market."))


def _worded(message: str) -> str:
    """The model's sentence, which begins with `Input should`, as the end of one of ours."""
    return message.removeprefix("Input ")


def _meant(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f": did you mean {near[0]}?" if near else f": there are {', '.join(names)}"


def _meant_setting(path: str) -> str:
    leaf = path.rsplit(".", 1)[-1]
    same = [known for known in CHANGEABLE if known.rsplit(".", 1)[-1] == leaf]
    near = same or difflib.get_close_matches(path, CHANGEABLE, n=1, cutoff=0.6)
    leaves = {known.rsplit(".", 1)[-1]: known for known in CHANGEABLE}
    near = near or [leaves[found] for found in difflib.get_close_matches(leaf, leaves, n=1, cutoff=0.7)]
    can = "settings of market and of economics, simulation.daily_budget and simulation.days can be"
    return f": did you mean {' or '.join(near)}?" if near else f": {can}"
