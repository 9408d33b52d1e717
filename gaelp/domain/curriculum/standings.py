"""Where an agent stands in each task of a curriculum, and what follows from a round of training or a look at an exam.

A task is open when all tasks that it requires are mastered and it is not. An open task that its last batches make
likely to pass is examined on held-out seeds. When a task is mastered, those mastered before are examined again, so that
forgetting is seen: one that falls below the rate for certain is open again, and what requires it is closed.

Touch this to change which task is trained, examined or given back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gaelp.domain.config.curriculum_section import Curriculum, Task
from gaelp.domain.frozen import Frozen

# Learning progress is the distance of a fast and a slow moving average of a task's reward (Kanitscheider and others,
# Multi-task curriculum learning in a complex, visual, hard-exploration domain, arXiv 2106.14876, 2021).
FAST, SLOW = 0.6, 0.2
FLOOR = 0.2  # share of the batches that is spread over all open tasks alike, whatever their progress
FEWEST_ROUNDS = 2  # of a task, before its progress is known


class Standing(Frozen):
    """One task: what was trained of it, and how its exams went."""

    name: str
    mastered: bool = False
    lost: int = 0  # times that it was found not to be mastered any more
    rounds: int = 0  # in which it was trained
    batches: int = 0  # of training
    reward: float = 0.0  # mean of its batches in the last round that had some
    success_rate: float = 0.0  # share of their episodes that count, likewise
    fast: float = 0.0  # moving averages of the reward
    slow: float = 0.0
    exams: int = 0  # that it has taken, the one under way included: the level of the next falls with them
    successes: tuple[int, ...] = ()  # episodes that count, after each look of its last exam
    episodes: tuple[int, ...] = ()  # likewise


class CurriculumState(Frozen):
    """What the phase remembers of its curriculum, continued as new as it is. Tasks are told by their position."""

    standings: tuple[Standing, ...]
    batches: tuple[int, ...] = ()  # the task of each batch of the next round
    examined: tuple[int, ...] = ()  # tasks whose exam goes on with one more look; empty: the next round comes
    checking: bool = False  # those exams are of tasks that were mastered before
    promoted: tuple[int, ...] = ()  # tasks mastered since the last round
    exam_batches: int = 0  # so far: the number of the next one, so that no two share their seeds


@dataclass(frozen=True)
class TrainedTask:
    """What a round's batches of one task came to."""

    batches: int
    reward: float  # mean over its episodes
    success_rate: float  # share of its episodes that count


@dataclass(frozen=True)
class LookReading:
    """One more look at a task's exam: successes and episodes after it, and what the exact test says of them."""

    successes: int
    episodes: int
    passed: bool  # the success rate is above the mastery
    failed: bool  # it is below


def begun(tasks: Sequence[Task]) -> CurriculumState:
    """The state before any training."""
    return CurriculumState(standings=tuple(Standing(name=task.name) for task in tasks))


def open_tasks(state: CurriculumState, tasks: Sequence[Task]) -> tuple[int, ...]:
    """The tasks to train: those whose requirements are mastered and that are not; all of them where all are."""
    mastered = {standing.name for standing in state.standings if standing.mastered}
    waiting = [
        number for number, task in enumerate(tasks) if task.name not in mastered and mastered.issuperset(task.requires)
    ]
    return tuple(waiting or range(len(tasks)))


def weights(state: CurriculumState, among: Sequence[int], sampling: str) -> dict[int, float]:
    """The share of the next round's batches that each of the tasks `among` should have; they sum to one.

    A task whose progress is not known yet counts as the one that moves fastest.
    """
    alike = 1.0 / len(among)
    if sampling == "uniform":
        return dict.fromkeys(among, alike)
    known = {number: abs(s.fast - s.slow) for number in among if (s := state.standings[number]).rounds >= FEWEST_ROUNDS}
    fastest = max(known.values(), default=0.0) or 1.0  # any one number: where nothing moves, the new tasks do
    progress = {number: known.get(number, fastest) for number in among}
    total = sum(progress.values())
    if not total:
        return dict.fromkeys(among, alike)
    return {number: FLOOR * alike + (1 - FLOOR) * (moved / total) for number, moved in progress.items()}


def with_next_round(
    state: CurriculumState, tasks: Sequence[Task], curriculum: Curriculum, width: int, uniform: float
) -> CurriculumState:
    """The state with a task for each of `width` batches, in the order of the tasks.

    Systematic sampling from one number `uniform` in [0, 1): each task has its share of the batches, rounded up or down.
    """
    share = weights(state, open_tasks(state, tasks), curriculum.sampling)
    chosen, reached, place = list[int](), 0.0, 0
    for number, weight in share.items():
        reached += weight
        while place < width and (place + uniform) / width < reached:
            chosen.append(number)
            place += 1
    chosen.extend([next(reversed(share))] * (width - place))  # what rounding of the sum left over
    return state.model_copy(update={"batches": tuple(chosen)})


def after_training(
    state: CurriculumState, trained: Mapping[int, TrainedTask], curriculum: Curriculum
) -> CurriculumState:
    """The state after a round, with the tasks that are examined now: open ones whose batches reached the mastery.

    The share of successes in training chooses what is examined, because an exam costs episodes; it decides nothing.
    """
    standings = [
        _trained(standing, trained[number]) if number in trained else standing
        for number, standing in enumerate(state.standings)
    ]
    due = tuple(
        number
        for number, standing in enumerate(standings)
        if number in trained and not standing.mastered and standing.success_rate >= curriculum.mastery
    )
    return _examining(state.model_copy(update={"standings": tuple(standings)}), due, checking=False)


def after_look(state: CurriculumState, readings: Mapping[int, LookReading], curriculum: Curriculum) -> CurriculumState:
    """The state after one more look at the tasks under exam.

    An exam ends when its test decides, or with its last look. When all have ended and one was mastered, the exams of
    those mastered before begin. One of these that decides nothing leaves its task mastered.
    """
    standings = tuple(
        _looked(standing, readings[number], state.checking) if number in readings else standing
        for number, standing in enumerate(state.standings)
    )
    undecided = [number for number, reading in readings.items() if not reading.passed and not reading.failed]
    going_on = tuple(number for number in undecided if len(standings[number].episodes) < curriculum.exam_looks)
    promoted = tuple(number for number, reading in readings.items() if reading.passed and not state.checking)
    promoted = (*state.promoted, *promoted)
    state = state.model_copy(update={"standings": standings, "examined": going_on, "promoted": promoted})
    if going_on or state.checking or not promoted:
        return state
    earlier = tuple(n for n, standing in enumerate(standings) if standing.mastered and n not in promoted)
    return _examining(state, earlier, checking=True)


def _examining(state: CurriculumState, numbers: tuple[int, ...], *, checking: bool) -> CurriculumState:
    """The state in which a new exam of each of these tasks begins."""
    standings = tuple(
        standing.model_copy(update={"exams": standing.exams + 1, "successes": (), "episodes": ()})
        if number in numbers
        else standing
        for number, standing in enumerate(state.standings)
    )
    promoted = state.promoted if checking else ()
    update = {"standings": standings, "examined": numbers, "checking": checking, "promoted": promoted}
    return state.model_copy(update=update)


def _trained(standing: Standing, trained: TrainedTask) -> Standing:
    reward, first = trained.reward, standing.rounds == 0
    update = {
        "rounds": standing.rounds + 1,
        "batches": standing.batches + trained.batches,
        "reward": reward,
        "success_rate": trained.success_rate,
        "fast": reward if first else standing.fast + FAST * (reward - standing.fast),
        "slow": reward if first else standing.slow + SLOW * (reward - standing.slow),
    }
    return standing.model_copy(update=update)


def _looked(standing: Standing, reading: LookReading, checking: bool) -> Standing:
    lost = checking and reading.failed
    update = {
        "successes": (*standing.successes, reading.successes),
        "episodes": (*standing.episodes, reading.episodes),
        "mastered": not lost if checking else reading.passed,
        "lost": standing.lost + lost,
    }
    return standing.model_copy(update=update)
