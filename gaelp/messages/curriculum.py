"""Messages of the curriculum of a simulation phase. Touch this when a task carries one more thing."""

from __future__ import annotations

from datetime import datetime

from gaelp.domain.curriculum.standings import CurriculumState
from gaelp.domain.frozen import Frozen
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.run_context import RunContext


class PlanCurriculum(Frozen):
    """Asks for the tasks of the context's configuration, and for those of the first round."""

    context: RunContext


class TaskWorld(Frozen):
    """A task's name, and the configuration and the market of its batches, by digest."""

    name: str
    config_digest: str
    market_digest: str


class PlannedCurriculum(Frozen):
    """The tasks of a phase, fixed when it begins, and where the agent stands in them."""

    tasks: tuple[TaskWorld, ...]
    state: CurriculumState


class AdvanceCurriculum(Frozen):
    """Asks what follows from a round's training batches, or from a look at the exams of tasks; the other is empty.

    Each batch is of the task at its place in `tasks_of_batches`.
    """

    context: RunContext  # with the checkpoint after the round
    state: CurriculumState
    round: int
    tasks_of_batches: tuple[int, ...]
    trained: tuple[BatchResult, ...] = ()
    examined: tuple[BatchResult, ...] = ()
    at: datetime
