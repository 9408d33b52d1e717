"""What follows from rounds and exams: which task is trained, examined, mastered and given back."""

from __future__ import annotations

from collections import Counter

import pytest

from gaelp.domain.config.curriculum_section import Curriculum, Task
from gaelp.domain.curriculum.standings import (
    CurriculumState,
    LookReading,
    TrainedTask,
    after_look,
    after_training,
    begun,
    open_tasks,
    weights,
    with_next_round,
)

TASKS = (Task(name="first"), Task(name="second", requires=("first",)), Task(name="third", requires=("second",)))
PLAIN = Curriculum(exam_looks=2)
GOOD, POOR = TrainedTask(2, 0.9, 0.95), TrainedTask(2, 0.3, 0.1)
PASSED = LookReading(64, 64, passed=True, failed=False)
FAILED = LookReading(3, 64, passed=False, failed=True)
UNDECIDED = LookReading(52, 64, passed=False, failed=False)


def mastered(*numbers: int) -> CurriculumState:
    """A state in which these tasks are mastered."""
    standings = begun(TASKS).standings
    return CurriculumState(
        standings=tuple(each.model_copy(update={"mastered": n in numbers}) for n, each in enumerate(standings))
    )


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [((), (0,)), ((0,), (1,)), ((0, 1), (2,)), ((0, 1, 2), (0, 1, 2)), ((1,), (0, 2)), ((1, 2), (0,))],
)
def test_a_task_is_open_while_its_requirements_are_mastered_and_it_is_not(
    numbers: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    """A lost requirement closes what rests on it; where everything is mastered, everything is trained."""
    assert open_tasks(mastered(*numbers), TASKS) == expected


def test_only_what_training_makes_likely_is_examined() -> None:
    """A round with many successes leads to an exam, one with few does not, and the exam's number rises."""
    state = after_training(begun(TASKS), {0: POOR}, PLAIN)
    assert (state.examined, state.standings[0].exams, state.standings[0].batches) == ((), 0, 2)
    state = after_training(state, {0: GOOD}, PLAIN)
    assert (state.examined, state.standings[0].exams, state.standings[0].batches) == ((0,), 1, 4)


def test_an_exam_ends_with_its_decision_or_its_last_look() -> None:
    """Undecided goes on to the second look and no further, and leaves the task not mastered."""
    state = after_training(begun(TASKS), {0: GOOD}, PLAIN)
    state = after_look(state, {0: UNDECIDED}, PLAIN)
    assert state.examined == (0,)
    state = after_look(state, {0: UNDECIDED}, PLAIN)
    assert (state.examined, state.standings[0].mastered, state.standings[0].episodes) == ((), False, (64, 64))


def test_a_failed_exam_ends_at_its_first_look() -> None:
    """What is below the rate for certain needs no second look."""
    state = after_look(after_training(begun(TASKS), {0: GOOD}, PLAIN), {0: FAILED}, PLAIN)
    assert (state.examined, state.standings[0].mastered) == ((), False)


def test_a_promotion_examines_what_was_mastered_before() -> None:
    """The earlier task is examined again and not the new one; kept while undecided, it stays mastered."""
    state = after_training(mastered(0), {1: GOOD}, PLAIN)
    state = after_look(state, {1: PASSED}, PLAIN)
    assert (state.examined, state.checking) == ((0,), True)
    for _ in range(2):
        state = after_look(state, {0: UNDECIDED}, PLAIN)
    assert (state.examined, [each.mastered for each in state.standings]) == ((), [True, True, False])


def test_a_task_that_is_forgotten_comes_back() -> None:
    """Its batches are drawn again, and what requires it is closed until it is mastered anew."""
    state = after_look(after_training(mastered(0), {1: GOOD}, PLAIN), {1: PASSED}, PLAIN)
    state = after_look(state, {0: FAILED}, PLAIN)
    assert (state.standings[0].mastered, state.standings[0].lost) == (False, 1)
    assert set(with_next_round(state, TASKS, PLAIN, 4, 0.5).batches) == {0, 2}
    again = after_look(after_training(state, {0: GOOD}, PLAIN), {0: PASSED}, PLAIN)
    assert again.standings[0].mastered
    assert again.examined == (1,), "the task that was mastered before is examined at this promotion too"


def test_a_promotion_at_an_earlier_look_is_not_forgotten_at_a_later_one() -> None:
    """Two exams at once, decided at different looks, are followed by one check of everything else."""
    tasks = (Task(name="old"), Task(name="quick"), Task(name="slow"))
    state = begun(tasks)
    old = state.standings[0].model_copy(update={"mastered": True})
    state = state.model_copy(update={"standings": (old, *state.standings[1:])})
    state = after_training(state, {1: GOOD, 2: GOOD}, PLAIN)
    state = after_look(state, {1: PASSED, 2: UNDECIDED}, PLAIN)
    assert (state.examined, state.checking) == ((2,), False)
    state = after_look(state, {2: FAILED}, PLAIN)
    assert (state.examined, state.checking) == ((0,), True)


@pytest.mark.parametrize("uniform", [0.0, 0.25, 0.5, 0.999999])
@pytest.mark.parametrize("width", [1, 3, 7, 10])
@pytest.mark.parametrize("sampling", ["uniform", "learning-progress"])
def test_every_task_has_its_share_of_a_round(sampling: str, width: int, uniform: float) -> None:
    """Its batches are its share of the width, rounded up or down, whatever the draw."""
    tasks = tuple(Task(name=name) for name in ("still", "moving", "new"))
    state = begun(tasks)
    for reward in (0.2, 0.2, 0.2):
        state = after_training(state, {0: TrainedTask(1, 0.5, 0.0), 1: TrainedTask(1, reward, 0.0)}, PLAIN)
    state = after_training(state, {1: TrainedTask(1, 0.9, 0.0)}, PLAIN)
    curriculum = Curriculum.model_validate({"sampling": sampling})
    batches = with_next_round(state, tasks, curriculum, width, uniform).batches
    assert len(batches) == width
    share = weights(state, (0, 1, 2), sampling)
    assert sum(share.values()) == pytest.approx(1.0)
    assert all(abs(Counter(batches)[number] - width * weight) < 1 for number, weight in share.items())


def test_learning_progress_prefers_what_moves_in_either_direction() -> None:
    """A reward that rises or falls draws batches, one that stands still only the floor; what is new counts as fast."""
    tasks = tuple(Task(name=name) for name in ("still", "rising", "falling", "new"))
    state = begun(tasks)
    for moved in (0.5, 0.7, 0.9):
        rewards = {0: 0.5, 1: moved, 2: 1.4 - moved}
        state = after_training(state, {n: TrainedTask(1, reward, 0.0) for n, reward in rewards.items()}, PLAIN)
    share = weights(state, range(4), "learning-progress")
    assert share[0] == pytest.approx(0.05)
    assert share[1] > 0.25 and share[2] > 0.25 and share[3] >= max(share[1], share[2])


def test_before_any_progress_all_tasks_are_alike() -> None:
    """Without a round there is nothing to prefer, and rewards that all stand still prefer nothing."""
    state, alike = begun(TASKS), dict.fromkeys(range(3), 1 / 3)
    assert weights(state, (0, 1, 2), "learning-progress") == pytest.approx(alike)
    for _ in range(3):
        state = after_training(state, dict.fromkeys(range(3), POOR), PLAIN)
    assert weights(state, (0, 1, 2), "learning-progress") == pytest.approx(alike)
