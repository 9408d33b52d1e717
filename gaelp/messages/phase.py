"""What every phase workflow is started with and returns. Touch this when all phases need one more thing."""

from __future__ import annotations

from gaelp.domain.frozen import Frozen
from gaelp.domain.gates.verdicts import GateVerdict
from gaelp.domain.phases import Outcome, Phase
from gaelp.messages.log_replay import GapEvidence
from gaelp.messages.run_context import RunContext
from gaelp.messages.simulation_training import SimulationState
from gaelp.messages.spending_phase import SpendingState


class PhaseInput(Frozen):
    """Starts a phase workflow; its id is `RUN/PHASE`. Also what its continue-as-new carries."""

    context: RunContext
    time_scale: float = 1.0
    permuted_market_digest: str = ""  # the market with personas' ratings permuted; none where there are no personas
    simulation: SimulationState | None = None  # set by continue-as-new, as the next one
    spending: SpendingState | None = None


class PhaseResult(Frozen):
    """How a phase ended."""

    phase: Phase
    checkpoint_digest: str
    gate: GateVerdict | None  # none where the phase ended before its gate
    ended: Outcome | None = None  # set where the phase itself ends the run
    reason: str = ""
    spend_micros: int = 0
    episodes: int = 0
    gaps: tuple[GapEvidence, ...] = ()  # of the historical phase: between the run's market and its logs
