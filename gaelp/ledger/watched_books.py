"""The part of the ledger's façade that watches: what we wrote to campaigns, what was reported of them, stops,
violations, steps of monitoring, and refused signals.

Touch this to record another finding; everything else is in ledger.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from gaelp.domain.ids import phase_id, phase_of_campaign, run_of_campaign
from gaelp.domain.monitoring.alerts import AlertBook, Raised
from gaelp.domain.monitoring.ladder import StepTaken
from gaelp.domain.platform_records import CampaignState, DayReport
from gaelp.domain.spending.campaign_records import CampaignResult, DayReached, DecisionMade
from gaelp.domain.spending.ledger_records import FoundExposure, Violation
from gaelp.ledger.rules.claim_rules import judge_enabling
from gaelp.ledger.rules.ruling import Ruling
from gaelp.ledger.rules.running_totals import Sums
from gaelp.ledger.stored_records import BooksSummary, MonitoringBooks, StoredRequest
from gaelp.ledger.stores import (
    account_store,
    campaign_books_store,
    coverage_store,
    decision_store,
    request_store,
    reservation_store,
    settings_store,
    spend_store,
    totals_store,
    violation_store,
)
from gaelp.ledger.stores.database import Database
from gaelp.ledger.stores.monitoring import alert_store, other_campaigns_store, step_store
from gaelp.messages.pausing import RefusedSignals


class WatchedBooks:
    """Base of `Ledger`; every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ------------------------------------------------------------ settings

    def settings_begun(self, state: CampaignState, at: datetime) -> None:
        """Remember what is about to be written to a campaign: until it is read back, either may be what is there."""
        with self._database.writing() as connection:
            settings_store.begin(connection, state, at)

    def settings_written(self, state: CampaignState, at: datetime, decision: DecisionMade | None = None) -> None:
        """Remember what a campaign was read back with, as we wrote it, and the decision by which we did."""
        with self._database.writing() as connection:
            settings_store.confirm(connection, state, at)
            if decision is not None:
                campaign_books_store.keep_decision(connection, decision, _phase_of(decision.campaign), at)

    def written_settings(self, campaign: str) -> tuple[CampaignState, ...]:
        """What was confirmed last, and after it what was begun since; nothing for a campaign that was never written."""
        with self._database.reading() as connection:
            return settings_store.read(connection, campaign)

    def written_to(self, campaigns: Iterable[str]) -> dict[str, tuple[CampaignState, ...]]:
        """The same of several campaigns, all from one state of the ledger."""
        with self._database.reading() as connection:
            return {name: settings_store.read(connection, name) for name in campaigns}

    def settings_pausing(self, campaign: str, at: datetime) -> None:
        """Remember that a campaign is about to be paused by us."""
        with self._database.writing() as connection:
            settings_store.begin_pause(connection, campaign, at)

    def settings_paused(self, campaign: str, at: datetime) -> None:
        """Remember that a campaign was paused, whatever else was being written to it."""
        with self._database.writing() as connection:
            settings_store.pause(connection, campaign, at)

    # ------------------------------------------------------------ reports

    def keep_days(self, account: str, campaign: str, days: tuple[DayReport, ...], reported_at: datetime) -> None:
        """Keep a campaign's days as the platform reports them: a gate judges these, and none that a message brings."""
        with self._database.writing() as connection:
            spend_store.keep_days(connection, account, campaign, days, reported_at)

    def reported_days(self, run: str) -> dict[str, tuple[DayReport, ...]]:
        """Campaign -> its days, for those of a run that were settled at least once."""
        with self._database.reading() as connection:
            return spend_store.reported_days(connection, run)

    # ------------------------------------------------------------ what campaigns report of themselves

    def keep_result(self, result: CampaignResult, at: datetime) -> None:
        """Keep how a campaign ended, once for ever; raises LedgerConflict where it has ended otherwise."""
        with self._database.writing() as connection:
            campaign_books_store.keep_result(connection, result, _phase_of(result.campaign), at)

    def keep_reached(self, reached: DayReached, at: datetime) -> None:
        """Keep how far a campaign is, in place of what it reported before."""
        with self._database.writing() as connection:
            campaign_books_store.keep_reached(connection, reached, _phase_of(reached.campaign), at)

    def keep_decision(self, decision: DecisionMade, at: datetime) -> None:
        """Keep a decision that was not applied, once for its tick."""
        with self._database.writing() as connection:
            campaign_books_store.keep_decision(connection, decision, _phase_of(decision.campaign), at)

    def keep_halt(self, campaign: str, reason: str, at: datetime) -> None:
        """Keep a reason for which a campaign must end early: one that is not kept counts for no gate."""
        with self._database.writing() as connection:
            campaign_books_store.keep_halt(connection, campaign, reason, _phase_of(campaign), at)

    def halts(self, campaign: str) -> frozenset[str]:
        """The reasons kept for which a campaign must end early."""
        with self._database.reading() as connection:
            return campaign_books_store.halts(connection, campaign)

    def decisions(self, phase: str) -> tuple[DecisionMade, ...]:
        """Every decision of the campaigns of a phase (its workflow id) that policy and ledger have checked."""
        with self._database.reading() as connection:
            return campaign_books_store.decisions(connection, phase)

    def campaign_results(self, phase: str) -> tuple[CampaignResult, ...]:
        """How the campaigns of a phase (its workflow id) ended, in the order of their numbers."""
        with self._database.reading() as connection:
            return campaign_books_store.results(connection, phase)

    def days_reached(self, phase: str) -> tuple[DayReached, ...]:
        """How far the campaigns of a phase were when they last reported it."""
        with self._database.reading() as connection:
            return campaign_books_store.reached(connection, phase)

    # ------------------------------------------------------------ stops

    def judge_no_stop(self, request_id: str) -> Ruling:
        """Whether no stop of its run or its account came since that request; raises UnknownRequest."""
        with self._database.reading() as connection:
            return coverage_store.judge_approved(connection, request_id)

    # ------------------------------------------------------------ violations

    def record_violation(self, violation: Violation) -> bool:
        """Record a violation; False where one of that id is there already."""
        with self._database.writing() as connection:
            return violation_store.record(connection, violation)

    def record_exposure(self, violation: Violation, found: Sequence[FoundExposure]) -> None:
        """Count what somebody else's doing may cost, above any cap; record the violation and raise the fence, once."""
        with self._database.writing() as connection:
            for day in found:
                reservation_store.count_found(connection, day)
            if violation_store.record(connection, violation):
                account_store.raise_fence(connection, violation.account, violation.evidence, "ledger", violation.at)

    def record_outside_pause(self, violation: Violation) -> None:
        """Record that somebody else has paused a campaign: no enabling is granted until a person clears it."""
        with self._database.writing() as connection:
            violation_store.record(connection, violation)
            settings_store.pause(connection, violation.campaign, violation.at)

    def judge_enabling(self, campaign: str) -> Ruling:
        """Whether a campaign may be enabled by us: nobody has paused it on the platform, or a person has cleared it."""
        with self._database.reading() as connection:
            return judge_enabling(violation_store.outside_pause(connection, campaign))

    def record_violation_and_stop(self, violation: Violation) -> int:
        """Record a violation and raise the account's fence with it; once for its id. Returns the fence."""
        with self._database.writing() as connection:
            if violation_store.record(connection, violation):
                reason, by = violation.evidence, "ledger"
                return account_store.raise_fence(connection, violation.account, reason, by, violation.at)
            return account_store.read(connection, violation.account).fence

    def violations(self, run: str) -> tuple[Violation, ...]:
        """A run's violations, cleared ones too."""
        with self._database.reading() as connection:
            return violation_store.read(connection, run)

    # ------------------------------------------------------------ alerts

    def alert_book(self, run: str | None = None) -> AlertBook:
        """What was raised of a run, or of all, and what persons have said to it."""
        with self._database.reading() as connection:
            return alert_store.read(connection, run)

    def resolve_alert(self, run: str, alert: str, by: str, reason: str, at: datetime) -> Sequence[Raised]:
        """Resolve an alert and the equal ones before it, by a named person with a reason; a violation is cleared.

        Returns those that are resolved by it. Raises UnknownAlert, LedgerConflict, and ValueError for an empty name or
        reason.
        """
        with self._database.writing() as connection:
            return alert_store.resolve(connection, run, alert, by, reason, at)

    def silence_alert(self, run: str, alert: str, until: datetime, by: str, reason: str, at: datetime) -> None:
        """Send no message of alerts equal to this one until then; raises as resolve_alert does."""
        with self._database.writing() as connection:
            alert_store.silence(connection, run, alert, until, (by, reason), at)

    # ------------------------------------------------------------ all accounts

    def sums_of_phases(self) -> dict[str, dict[str, Sums]]:
        """What the reservations of each phase of each run add up to; a run that reserved nothing is not there."""
        with self._database.reading() as connection:
            return totals_store.of_phases(connection)

    def standing_requests(self) -> tuple[StoredRequest, ...]:
        """What is asked or approved of any run that has not ended, oldest first."""
        with self._database.reading() as connection:
            return request_store.read_standing(connection)

    def summary(self) -> BooksSummary:
        """What all accounts together have in the books."""
        with self._database.snapshot() as connection:
            return totals_store.summary(connection, account_store.read_all(connection))

    # ------------------------------------------------------------ monitoring

    def monitoring_steps(self, campaign: str) -> tuple[StepTaken, ...]:
        """The steps that monitoring has taken in a campaign, undone ones too, oldest first."""
        with self._database.reading() as connection:
            return step_store.of_campaign(connection, campaign)

    def monitoring_books(self, account: str, campaign: str, request_id: str) -> MonitoringBooks:
        """All that monitoring looks at of a campaign."""
        with self._database.reading() as connection:
            of_run = step_store.of_run(connection, run_of_campaign(campaign))
            request = request_store.read(connection, request_id)
            return MonitoringBooks(
                steps=tuple(step for step in of_run if step.campaign == campaign),
                steps_of_run=of_run,
                days=reservation_store.listed(connection, account, campaign=campaign),
                others=other_campaigns_store.days_of_others(connection, campaign),
                campaigns=0 if request is None else request.request.campaign_count,
            )

    def steps_of_run(self, run: str) -> tuple[StepTaken, ...]:
        """The same of all campaigns of a run."""
        with self._database.reading() as connection:
            return step_store.of_run(connection, run)

    def steps_not_undone(self) -> tuple[StepTaken, ...]:
        """Those of all runs that nobody has undone."""
        with self._database.reading() as connection:
            return step_store.not_undone(connection)

    def take_step(self, step: StepTaken) -> bool:
        """Record a step; False where one of that key is there already, or its campaign has ended."""
        with self._database.writing() as connection:
            return step_store.take(connection, step)

    def undo_step(self, key: str, by: str, reason: str, at: datetime) -> Sequence[StepTaken]:
        """Undo a step and all later ones of its campaign, by a named person with a reason; returns those undone.

        Raises UnknownStep, LedgerConflict, and ValueError for an empty name or reason.
        """
        with self._database.writing() as connection:
            return step_store.undo(connection, key, by, reason, at)

    # ------------------------------------------------------------ signals

    def note_refused_signals(self, workflow: str, key: str, refused: RefusedSignals, at: datetime) -> None:
        """Write signals that a workflow refused, those after `refused.noted`, into the journal; once for a key."""
        with self._database.writing() as connection:
            decision_store.note_refused_signals(connection, workflow, key, refused, at)


def _phase_of(campaign: str) -> str:
    """The workflow id of a campaign's phase, by the campaign's own id."""
    return phase_id(run_of_campaign(campaign), phase_of_campaign(campaign))
