"""Settings of the curriculum: tasks that an agent trains on in the simulation, and when it has mastered one.

Touch this to add a setting. Which tasks ship, and what is refused, is in gaelp/domain/curriculum.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gaelp.domain.config.section import Count, Name, Section, Share

SettingValue = bool | int | float | str
MOST_TASKS = 20


class Task(Section):
    """A market to train in: the run's own, with some settings changed."""

    name: Name
    requires: Annotated[tuple[Name, ...], Field(max_length=MOST_TASKS)] = ()  # tasks that must be mastered before it
    settings: dict[str, SettingValue] = Field(default_factory=dict, max_length=60)  # path, as market.fatigue, to value


class Curriculum(Section):
    """Tasks for the training in the simulation. The exam is in the run's own market, with or without them."""

    source: Literal["none", "built-in", "own"] = Field(
        "none", description="train in the run's own market, on the tasks that ship, or on those in curriculum.tasks"
    )
    tasks: Annotated[tuple[Task, ...], Field(min_length=1, max_length=MOST_TASKS)] | None = Field(
        None, description="own tasks: a name, the tasks required before it, and the settings that differ"
    )
    sampling: Literal["uniform", "learning-progress"] = Field(
        "uniform", description="how batches are shared among open tasks: alike, or by how fast each one's reward moves"
    )
    reward: Share = Field(
        0.7, description="reward from which an episode that is a success of criterion 2 counts as one of its task"
    )
    mastery: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.8, description="share of episodes that count, which a task's exam must show to be exceeded"
    )
    exam_batches: Count = Field(2, description="batches of one look at a task's exam, on held-out seeds", le=40)
    exam_looks: Count = Field(2, description="looks at a task's exam at the most", le=10)
