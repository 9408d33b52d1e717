"""The verb `assess`: what the gate of a spending phase would say of the evidence so far. No attempt is used.

It reads the ledger and the content store, measures and judges as the gate does (activities/records/assessment.py), and
writes nothing. Touch this when that gate is told one more thing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, Refused
from gaelp.commands.watching.snapshot import PhaseView
from gaelp.commands.watching.status import criteria_of
from gaelp.domain.episodes import EpisodeState
from gaelp.domain.ids import DUPLICATE_MARK, phase_id
from gaelp.domain.phases import Phase

if TYPE_CHECKING:
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.domain.gates.verdicts import GateVerdict
    from gaelp.domain.spending.campaign_records import CampaignResult
    from gaelp.evidence.phase_measurements import SpendingEvidence
    from gaelp.ledger.ledger import Ledger
    from gaelp.ledger.stored_records import KeptVerdict, RegisteredRun, Reservation
    from gaelp.records.content_store import ContentStore

RESTS = "This is a look: nothing is recorded, and no attempt is used. The gate judges when the phase has ended."
NOT_YET = "the gates of simulation and history judge an exam and a replay, which exist only when their phase ends"


@dataclass(frozen=True)
class Look:
    """What the gate of a phase in progress would say, and on what."""

    gate: GateVerdict
    campaigns: Sequence[CampaignResult]
    began: int  # campaigns that have reserved a day
    interrupted: str  # why no gate would judge these campaigns; empty where there is no reason

    def document(self) -> dict[str, Any]:
        """As --json prints it."""
        ended = sum(each.state is not EpisodeState.RUNNING for each in self.campaigns)
        days = [day for each in self.campaigns for day in each.days]
        counted = {"running": self.began - ended, "ended": ended, "days": len(days)}
        matured = {"matured_days": sum(day.matured for day in days), "interrupted": self.interrupted}
        return {"gate": self.gate.model_dump(mode="json"), **counted, **matured}

    def sentence(self) -> str:
        """The verdict and what it rests on."""
        of, gate = self.document(), self.gate
        return (
            f"{gate.phase}: {of['ended']} campaigns have ended and {of['running']} run; {of['matured_days']} of "
            f"{of['days']} days have matured. The gate would now say {gate.verdict} (attempt {gate.attempt}, level "
            f"{gate.alpha:.4f})."
        )


def assess(arguments: argparse.Namespace, out: Out) -> int:
    """Judge the phase in which the run spends, and show what its earlier gates have said."""
    from gaelp.records.content_store import ContentStore

    settings, run = connections.read_settings(), connections.run_name(arguments.run)
    ledger = connections.open_ledger(settings)
    try:
        begun = ledger.run(run)
        if begun is None:
            raise Refused(f"there is no run {run!r}: `starter.py list` shows those there are")
        judged = ledger.verdicts(run)
        look = look_at(ledger, ContentStore(settings.store), begun, judged)
    finally:
        ledger.close()
    said = [f"{each.phase}: its gate has said {each.verdict}" for each in judged]
    now = [look.sentence(), *([f"But no gate would judge it: {look.interrupted}."] if look.interrupted else []), RESTS,
           *criteria_of([PhaseView(look.gate.phase, "", 0, criteria=look.gate.criteria)])] if look else []  # fmt: skip
    document = {"run": run, "judged": [{"phase": each.phase, "verdict": each.verdict} for each in judged]}
    none = [] if look else [f"no campaign of {run} has reported to a gate that is still to judge; {NOT_YET}"]
    out.result({**document, "now": look.document() if look else None}, *said, *none, *now)
    return DONE


def look_at(ledger: Ledger, store: ContentStore, begun: RegisteredRun, judged: Sequence[KeptVerdict]) -> Look | None:
    """At the newest phase that has reserved a day and was not judged; None where no campaign has reported."""
    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.ledger.booked_evidence import interruption_of, others_doing
    from gaelp.reports.booked_campaigns import SPENDING

    reserved = ledger.reservations(begun.account, begun.run)
    open_phases = {each.phase for each in reserved} - {each.phase for each in judged}
    phase = next((each for each in reversed(SPENDING) if each in open_phases), None)
    if phase is None:
        return None
    config = TrainingConfiguration.model_validate(store.get_document(begun.config_digest))
    of_phase = [each for each in reserved if each.phase == phase and DUPLICATE_MARK not in each.campaign]
    evidence = _evidence(ledger, store, config, of_phase)
    if not evidence.campaigns:
        return None
    began = len({each.campaign for each in of_phase})
    interrupted = others_doing(ledger.violations(begun.run)) or interruption_of(evidence.campaigns)
    return Look(_judged(ledger, begun, config, evidence), evidence.campaigns, began, interrupted)


def _evidence(
    ledger: Ledger, store: ContentStore, config: TrainingConfiguration, reserved: Sequence[Reservation]
) -> SpendingEvidence:
    """As the gate gathers it, with the campaigns that still run as they stand.

    The gate alone knows how budgets were moved, so no raise is found too large here.
    """
    from gaelp.evidence.efficiency import traffic_by_hour
    from gaelp.evidence.phase_halts import why_halted
    from gaelp.evidence.phase_measurements import SpendingEvidence
    from gaelp.ledger.booked_evidence import booked, with_kept_decisions, with_violations
    from gaelp.reports.booked_campaigns import campaigns_of

    run, phase = reserved[0].run, reserved[0].phase
    began = {each.campaign for each in reserved}
    requests = {each.request_id for each in reserved}
    known = [each for each in campaigns_of(ledger, run, {}, requests) if each.campaign in began]
    reported = ledger.reported_days(run)
    campaigns, _ = booked(known, reserved, reported, config.currency)
    ended = [each for each in known if each.state is not EpisodeState.RUNNING]
    _, problems = booked(ended, reserved, reported, config.currency)
    stopped = why_halted(campaigns, config) if phase == Phase.LIVE_TEST else ""
    counted = with_kept_decisions(campaigns, ledger.decisions(phase_id(run, phase)))
    judged = with_violations(counted, ledger.violations(run)) if counted else ()
    market = ledger.request(reserved[0].request_id).request.market_digest
    return SpendingEvidence(
        phase=phase, campaigns=judged, problems=problems, stopped=stopped,
        pacing_reference=traffic_by_hour(store.get_arrays(market)["hourly"]),
    )  # fmt: skip


def _judged(
    ledger: Ledger, begun: RegisteredRun, config: TrainingConfiguration, evidence: SpendingEvidence
) -> GateVerdict:
    """At the level of the attempt that the gate would count."""
    from gaelp.domain.gates import judging
    from gaelp.domain.spending.ledger_records import AttemptSeries
    from gaelp.evidence.phase_measurements import measure_campaigns

    series = AttemptSeries(account=begun.account, product=config.product, agent=begun.agent, gate=evidence.phase)
    attempt = 1 + next((each.used for each in ledger.attempts() if each.series == series), 0)
    alpha = judging.alpha_for(attempt)
    measures = measure_campaigns(evidence, config, alpha)
    judge = judging.judge_live_test if evidence.phase == Phase.LIVE_TEST else judging.judge_scaled
    return judging.gate(
        evidence.phase, judge(measures, config), judging.GateAttempt(config.mode, attempt, alpha, "", "")
    )
