"""Messages of the workflow SimulationTraining: rounds of learning, then the exam. Touch this when either needs more."""

from __future__ import annotations

from gaelp.domain.frozen import Frozen
from gaelp.domain.gates.measurements import Anchor
from gaelp.domain.gates.verdicts import GateVerdict
from gaelp.messages.curriculum import PlannedCurriculum
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.pausing import PausableState
from gaelp.messages.run_context import RunContext


class PlanSimulation(Frozen):
    """Asks for the sizes of a simulation phase."""

    config_digest: str


class BeginExam(Frozen):
    """Books an attempt at the simulation's gate: a run that never comes to its exam uses none."""

    context: RunContext  # with the frozen checkpoint
    entry_checkpoint_digest: str  # with which the agent entered the phase
    entered_trained: bool  # the run was started with that checkpoint


class ExamTerms(Frozen):
    """What an exam fixes before its first episode: its attempt, its anchor, and the size of its block."""

    attempt: int  # from the ledger, counted across runs: the seeds are fresh for each
    anchor: Anchor
    anchor_checkpoint_digest: str  # empty where the anchor is the incumbent
    block_episodes: int  # announced
    block_batches: int


class SimulationStart(Frozen):
    """How the agent entered the phase."""

    checkpoint_digest: str
    trained: bool  # it came with the checkpoint


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
    task_exam_batches: int = 0  # of one look at the exam of a task; 0 without a curriculum


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
    entry: SimulationStart | None = None  # likewise
    checkpoint_digest: str = ""
    next_round: int = 0
    failed_batches: int = 0
    failed_episodes: int = 0
    episodes: int = 0
    batch_seconds: float = 0.0  # that a batch took in the last round; 0 before the first
    training: tuple[RoundSummary, ...] = ()
    curriculum: PlannedCurriculum | None = None  # none until the phase is planned, or where it has no tasks


class RoundSummary(Frozen):
    """A learning round in one line."""

    round: int
    episodes: int
    mean_reward: float
    success_rate: float
    checkpoint_digest: str


class LearnRules(Frozen):
    """Asks for the simple rules that play the exam, after they have learned in the run's market."""

    context: RunContext


class RulesLearned(Frozen):
    """The simple rules of an exam."""

    checkpoints: dict[str, str]  # digest by name; empty in a foreign environment


class PlayTraps(Frozen):
    """Asks for the trap exams of the context's agent."""

    context: RunContext
    attempt: int  # at the gate; keys the draws


class TrapLosses(Frozen):
    """What each trap cost in each of its episodes, in shares of the optimum; a document of the content store."""

    losses: dict[str, tuple[float, ...]]


class TrapsPlayed(Frozen):
    """The trap exams were played."""

    losses_digest: str  # of the TrapLosses


class PlayAudit(Frozen):
    """Asks for the exploit audit of the context's checkpoint."""

    context: RunContext
    attempt: int  # at the gate; keys the draws


class AuditGains(Frozen):
    """The agent's gain in each episode by market, in shares of the optimum; a document of the content store."""

    gains: dict[str, tuple[float, ...]]


class AuditPlayed(Frozen):
    """The exploit audit was played, if the configuration asks for it."""

    gains_digest: str  # of the AuditGains


class AssessSimulation(Frozen):
    """Asks for a look at the exam so far; the evidence that its verdict names is this record."""

    context: RunContext
    exams: tuple[BatchResult, ...]
    anchor: Anchor = Anchor.INCUMBENT  # of which the batches tell the rewards
    block: tuple[BatchResult, ...] = ()  # of the announced block; empty before it was played
    trap_losses_digest: str = ""  # empty where the trap exams could not be played
    audit_gains_digest: str = ""  # empty where the exploit audit could not be played
    permuted: tuple[BatchResult, ...] = ()  # the exam again, personas' ratings permuted; decides nothing
    training: tuple[RoundSummary, ...] = ()
    final: bool = False  # no further look follows


class GateAssessment(Frozen):
    """The verdict of a gate; `settled` is false where more episodes of its looks may still change it."""

    gate: GateVerdict
    settled: bool
