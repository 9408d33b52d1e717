"""Messages of the workflow TrainingRun: how a run begins, its market, how it ends. Touch this when a run needs more."""

from __future__ import annotations

from datetime import datetime

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.frozen import Frozen
from gaelp.domain.phases import Outcome, Phase
from gaelp.messages.pausing import PausableState
from gaelp.messages.phase import PhaseResult


class RunInput(Frozen):
    """Starts a TrainingRun; the workflow id is `run`."""

    run: str
    config: TrainingConfiguration
    config_digest: str
    agent: str
    from_phase: Phase = Phase.SIMULATION
    from_checkpoint: str | None = None
    until: Phase = Phase.SCALED  # the last phase that is asked for; the run ends as promoted where it is not the last


class RunResult(Frozen):
    """How a run ended."""

    run: str
    outcome: Outcome
    reason: str
    checkpoint_digest: str | None
    phases: tuple[PhaseResult, ...]
    spend_micros: int


class LookAtRun(Frozen):
    """Asks what a run has spent and what it asks people for, by the ledger."""

    run: str
    account: str


class RunStanding(Frozen):
    """What a run has spent so far, and what a person is asked for."""

    spend_micros: int
    spent: str  # the same for people, with its currency
    asked: str  # what a person is asked to approve, with amounts; empty where nothing is
    waits: str = ""  # what the open phase says that is out of its reach, and since when


class LookAtPhase(Frozen):
    """Asks what the open phase of a run waits for."""

    run: str
    phase_workflow: str


class PhaseStanding(Frozen):
    """What a phase waits for that is out of its reach, and since when; empty where there is nothing."""

    waits: str = ""


class RunState(PausableState):
    """What the workflow TrainingRun remembers between its steps: the results of its phases and the market they use.

    The inherited field `open` holds the workflow id of the phase that runs now.
    """

    results: tuple[PhaseResult, ...] = ()  # of the phases that have ended
    standing: RunStanding | None = None  # what is asked and spent, as the ledger had it when the run last looked
    market_digest: str = ""  # the calibrated market, with the ratings of personas where there are any
    permuted_market_digest: str = ""  # the same with the personas' ratings permuted; empty where there are none


class CalibrateMarket(Frozen):
    """Asks for the market, calibrated on the earlier share of the configured logs."""

    config_digest: str


class Calibrated(Frozen):
    """The calibrated market's arrays, by digest."""

    market_digest: str


class BeginRun(Frozen):
    """Stores what is needed to repeat a run (its configuration and every version), and checks its account."""

    order: RunInput
    started_at: datetime


class RunBegun(Frozen):
    """Whether the run may begin, and why not."""

    accepted: bool
    reason: str


class EndRun(Frozen):
    """The last record of a run."""

    result: RunResult
    config_digest: str
    at: datetime


class RatePanel(Frozen):
    """Put the panel of personas into a calibrated market."""

    run: str
    config_digest: str
    market_digest: str


class RatedPanel(Frozen):
    """The market with personas, the same with their ratings permuted, and where the ratings come from."""

    market_digest: str
    permuted_market_digest: str
    ratings_digest: str  # click, convert f8[P, K]: relative tendencies, 1 is neutral; for the event panel.rated
    asked: int  # answers that this run asked for
    cached: int  # answers that another run had asked for
    failed: int  # ratings without an answer, and therefore neutral
    tokens: int  # that the answers asked for cost, as the endpoint counts
    cost_micros: int
    provenance: str  # a sentence for the report
