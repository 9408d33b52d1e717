"""RECORDS: makes the market of each task of a curriculum, and decides what follows from a round or from an exam.

gaelp/evidence/mastery.py measures, gaelp/domain/curriculum decides, and this writes down where the agent stands after
each round. Touch this when a decision needs one more thing from the store or the warehouse.
"""

from __future__ import annotations

from collections.abc import Sequence

from temporalio import activity

from activities.inputs import Inputs
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import together
from gaelp.domain.curriculum import standings
from gaelp.domain.curriculum.standings import CurriculumState, LookReading
from gaelp.domain.curriculum.task_checks import SIZES, sizes, task_configuration, tasks_of
from gaelp.domain.gates.judging import alpha_for
from gaelp.evidence import mastery
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.streams import stream
from gaelp.messages.curriculum import AdvanceCurriculum, PlanCurriculum, PlannedCurriculum, TaskWorld
from gaelp.messages.episode_batch import BatchResult
from gaelp.records.logs.stored_logs import load_calibrating
from gaelp.records.warehouse.warehouse import Warehouse


class Curricula:
    """Reads content and ingested logs; writes content, and one row per task and round."""

    def __init__(self, inputs: Inputs, warehouse: Warehouse) -> None:
        self._inputs = inputs
        self._warehouse = warehouse

    @activity.defn(no_thread_cancel_exception=True)
    def plan_curriculum(self, plan: PlanCurriculum) -> PlannedCurriculum:
        """Each task's market, calibrated on the run's own logs, and the tasks of the first round."""
        config = self._inputs.config(plan.context.config_digest)
        logs = [*load_calibrating(self._warehouse, config.historical.logs).values()]
        tasks, worlds, store = tasks_of(config), list[TaskWorld](), self._inputs.store
        for task in tasks:
            changed = task_configuration(config, task)
            whole = {name: getattr(config.market, name) for name in SIZES}
            drawn = changed.model_copy(update={"market": changed.market.model_copy(update=whole)})
            market = calibrate(logs, drawn).first_of(*sizes(config, task))
            worlds.append(
                TaskWorld(
                    name=task.name,
                    config_digest=store.put_document(changed),
                    market_digest=store.put_arrays(market.to_arrays()),
                )
            )
        return PlannedCurriculum(tasks=tuple(worlds), state=_next_round(config, standings.begun(tasks), 0))

    @activity.defn(no_thread_cancel_exception=True)
    def advance_curriculum(self, advance: AdvanceCurriculum) -> CurriculumState:
        """The next look at exams, or the tasks of the next round where no exam is under way."""
        config = self._inputs.config(advance.context.config_digest)
        curriculum, state = config.curriculum, advance.state
        if advance.trained:
            results = self._by_task(advance.tasks_of_batches, advance.trained)
            trained = {number: mastery.trained(batches, curriculum.reward) for number, batches in results.items()}
            state = standings.after_training(state, trained, curriculum)
        else:
            examined = self._by_task(advance.tasks_of_batches, advance.examined)
            readings = {number: _reading(config, state, number, batches) for number, batches in examined.items()}
            played = state.exam_batches + len(advance.examined)
            state = standings.after_look(state, readings, curriculum).model_copy(update={"exam_batches": played})
        if state.examined:
            return state
        self._record(advance, state)
        return _next_round(config, state, advance.round + 1)

    def _by_task(self, tasks: Sequence[int], results: Sequence[BatchResult]) -> dict[int, list[BatchResult]]:
        by_task: dict[int, list[BatchResult]] = {}
        for number, result in zip(tasks, results, strict=True):
            by_task.setdefault(number, []).append(self._inputs.whole(result))
        return by_task

    def _record(self, advance: AdvanceCurriculum, state: CurriculumState) -> None:
        """Where the agent stands after the round, task by task; `state` still has the batches of the round."""
        rows = [
            {
                "run": advance.context.run,
                "at": advance.at,
                "round": advance.round,
                "position": number,
                "task": standing.name,
                "mastered": standing.mastered,
                "batches": state.batches.count(number),
                "reward": standing.reward if standing.rounds else None,
                "success_rate": standing.success_rate if standing.rounds else None,
                "exams": standing.exams,
                "lost": standing.lost,
                "checkpoint_digest": advance.context.checkpoint_digest,
            }
            for number, standing in enumerate(state.standings)
        ]
        self._warehouse.append("curriculum", rows, f"{advance.context.run}/curriculum-{advance.round:04d}")


def _next_round(config: TrainingConfiguration, state: CurriculumState, number: int) -> CurriculumState:
    uniform = float(stream(config.seed, "simulation", "curriculum", number).random())
    width = config.simulation.batches_per_round
    return standings.with_next_round(state, tasks_of(config), config.curriculum, width, uniform)


def _reading(
    config: TrainingConfiguration, state: CurriculumState, number: int, batches: list[BatchResult]
) -> LookReading:
    curriculum, standing = config.curriculum, state.standings[number]
    rule = mastery.MasteryRule(
        reward=curriculum.reward,
        rate=curriculum.mastery,
        looks=curriculum.exam_looks,
        alpha=alpha_for(standing.exams),
    )
    return mastery.exam_look(standing, batches, config.simulation.campaigns_per_batch // together(config), rule)
