"""Messages of the workflow SimulationTraining: rounds of learning, then the exam. Touch this when either needs more."""

from __future__ import annotations

from gaelp.domain.frozen import Frozen
from gaelp.domain.gates.verdicts import GateVerdict
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.pausing import PausableState
from gaelp.messages.run_context import RunContext


class PlanSimulation(Frozen):
    """Asks for the sizes of a simulation phase."""

    config_digest: str


class BeginExam(Frozen):
    """Books an attempt at the simulation's gate: a run that never comes to its exam uses none."""

    context: RunContext


class Exam(Frozen):
    """The attempt that this exam is, from the ledger, counted across runs: its seeds are fresh for each."""

    attempt: int


class FirstCheckpoint(Frozen):
    """Asks for the agent's state before any learning."""

    context: RunContext


class SimulationPlan(Frozen):
    """What a simulation phase will do, decided once."""

    rounds: int
    batches_per_round: int
    exam_batches: int
    exam_looks: int
    failed_batches: int
    failed_episodes: int


class LearnRound(Frozen):
    """Asks for the next agent state, from the context's checkpoint and a round's trajectories in index order."""

    context: RunContext
    trajectory_digests: tuple[str, ...]


class Learned(Frozen):
    """The checkpoint that learning led to."""

    checkpoint_digest: str


class SimulationState(PausableState):
    """The state of a SimulationTraining, continued as new as it is."""

    plan: SimulationPlan | None = None  # none until the phase is planned
    checkpoint_digest: str = ""
    next_round: int = 0
    failed_batches: int = 0
    failed_episodes: int = 0
    episodes: int = 0
    batch_seconds: float = 0.0  # that a batch took in the last round; 0 before the first
    training: tuple[RoundSummary, ...] = ()


class RoundSummary(Frozen):
    """A learning round in one line."""

    round: int
    episodes: int
    mean_reward: float
    success_rate: float
    checkpoint_digest: str


class AssessSimulation(Frozen):
    """Asks for a look at the exam so far; the evidence that its verdict names is this record."""

    context: RunContext
    exams: tuple[BatchResult, ...]
    permuted: tuple[BatchResult, ...] = ()  # the exam again, personas' ratings permuted; decides nothing
    training: tuple[RoundSummary, ...] = ()
    final: bool = False  # no further look follows


class GateAssessment(Frozen):
    """The verdict of a gate; `settled` is false where more episodes may still change it."""

    gate: GateVerdict
    settled: bool
