"""How long the messages are that a configuration leads to, and which settings make one too long.

What travels between workflows and activities in one message is bounded (256 KiB, see tests/unit/messages). Touch this
when a message gets another part whose number a setting chooses.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.contradiction import Contradiction
from gaelp.domain.config.registered_worlds import together
from gaelp.domain.curriculum.task_checks import tasks_of
from gaelp.domain.gates.criteria_simulation import MOST_REPLACED
from gaelp.domain.gates.exam_rules import block_episodes
from gaelp.domain.gates.judging import alpha_for

# Bytes of one message, and what each part takes at the most.
LONGEST_MESSAGE = 240_000
LONGEST_CONFIGURATION = 200_000
ROUND_BYTES = 240
BATCH_BYTES = 1_700
_MANY_ATTEMPTS = 50


def too_long(config: TrainingConfiguration) -> Iterator[Contradiction]:
    """The settings that make a message too long."""
    simulation = config.simulation
    exam = simulation.exam_batches * simulation.exam_looks * (1 if config.personas.source == "none" else 2)
    room = (LONGEST_MESSAGE - simulation.rounds * ROUND_BYTES) // BATCH_BYTES - _block_batches(config)
    if exam > room:
        yield Contradiction(
            ("simulation.exam_batches", "simulation.exam_looks", "simulation.rounds"),
            f"makes an exam of {exam} batches with exam_looks {simulation.exam_looks}, where after "
            f"{simulation.rounds} rounds {max(room, 0)} can be judged together: lower one of the three, or give "
            "batches more campaigns",
        )
    if simulation.batches_per_round * BATCH_BYTES > LONGEST_MESSAGE:
        yield Contradiction(
            ("simulation.batches_per_round",),
            f"is {simulation.batches_per_round}, where {LONGEST_MESSAGE // BATCH_BYTES} can be handed on together: "
            "lower it, or give batches more campaigns",
        )
    written = len(config.model_dump_json().encode())
    if written > LONGEST_CONFIGURATION:
        yield Contradiction(
            ("scaled.products", "personas", "safety.forbidden_keywords"),
            f"makes the configuration {written} bytes long, where {LONGEST_CONFIGURATION} can be handed on: shorten it",
        )
    tasks = tasks_of(config)
    if len(tasks) * config.curriculum.exam_batches * BATCH_BYTES > LONGEST_MESSAGE:
        yield Contradiction(
            ("curriculum.exam_batches", "curriculum.tasks"),
            f"makes {len(tasks) * config.curriculum.exam_batches} batches with {len(tasks)} tasks, where "
            f"{LONGEST_MESSAGE // BATCH_BYTES} can be judged together: lower it, or give batches more campaigns",
        )


def _block_batches(config: TrainingConfiguration) -> int:
    """Batches of the announced block, at an attempt that hardly anybody comes to; they are judged with the exam."""
    episodes = block_episodes(config.simulation.consistency_episodes, alpha_for(_MANY_ATTEMPTS))
    per_batch = config.simulation.campaigns_per_batch // together(config)
    return math.ceil(episodes * (1 + MOST_REPLACED) / max(per_batch, 1))
