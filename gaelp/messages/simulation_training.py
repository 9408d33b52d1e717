"""Messages of the workflow SimulationTraining: rounds of learning, then the exam. Touch this when either needs more."""

from __future__ import annotations

from gaelp.domain.frozen import Frozen
from gaelp.domain.gates.verdicts import GateVerdict
from gaelp.messages.episode_batch import BatchResult


class PlanSimulation(Frozen):
    """Sizes of a simulation phase."""

    run: str
    config_digest: str


class BeginExam(Frozen):
    """Books an attempt at the simulation's gate: a run that never comes to its exam uses none."""

    run: str
    config_digest: str
    account: str
    agent: str


class Exam(Frozen):
    """The attempt that this exam is, from the ledger, counted across runs: its seeds are fresh for each."""

    attempt: int


class FirstCheckpoint(Frozen):
    """The agent's state before any learning."""

    run: str
    config_digest: str
    market_digest: str
    agent: str


class SimulationPlan(Frozen):
    """What a simulation phase will do, decided once."""

    rounds: int
    batches_per_round: int
    exam_batches: int
    exam_looks: int
    failed_batches: int
    failed_episodes: int


class LearnRound(Frozen):
    """Agent state and a round's trajectories, in index order, to the next agent state."""

    run: str
    config_digest: str
    agent: str
    checkpoint_digest: str
    trajectory_digests: tuple[str, ...]
    round: int


class Learned(Frozen):
    """The next checkpoint."""

    checkpoint_digest: str
    episodes: int


class SimulationProgress(Frozen):
    """What a simulation phase carries through continue-as-new."""

    plan: SimulationPlan
    checkpoint_digest: str
    anchor_digest: str  # the state at entry
    next_round: int = 0
    failed_batches: int = 0
    failed_episodes: int = 0
    episodes: int = 0
    training: tuple[RoundSummary, ...] = ()


class RoundSummary(Frozen):
    """A learning round in one line."""

    round: int
    episodes: int
    mean_reward: float
    success_rate: float
    checkpoint_digest: str


class AssessSimulation(Frozen):
    """Looks at the exam so far. `final`: no further look follows."""

    run: str
    config_digest: str
    agent: str
    checkpoint_digest: str
    exams: tuple[BatchResult, ...]
    permuted: tuple[BatchResult, ...] = ()  # the exam again, personas' ratings permuted; decides nothing
    training: tuple[RoundSummary, ...] = ()
    account: str
    final: bool = False


class Assessment(Frozen):
    """What an assessment found; `settled` is false where more data may still decide."""

    gate: GateVerdict
    settled: bool
