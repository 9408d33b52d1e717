"""LIVE: compares what the platform reads with what we wrote and reserved, and records what is not our doing.

It calls no platform. Touch this when something else of a campaign is watched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

from activities.live.campaign_days import campaign_clock, day_key
from gaelp.domain.ad_accounts import Account
from gaelp.domain.platform_records import CampaignReport, CampaignState
from gaelp.domain.spending.billing_rules import worst_day_micros
from gaelp.domain.spending.ledger_records import FoundExposure, Severity, Violation
from gaelp.domain.spending.outside_changes import OutsideChange, outside_changes
from gaelp.ledger.ledger import Ledger
from gaelp.messages.live_campaign import LiveCampaignInput


class Watching:
    """Writes to the ledger only: what was found counts, and where more may be billed the account's fence rises."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def compare(self, campaign: LiveCampaignInput, account: Account, state: CampaignState, at: datetime) -> str:
        """Record what reads otherwise than we wrote it; why the campaign must halt where more may be billed by it."""
        written = self._ledger.written_settings(campaign.name)
        changes = outside_changes(written, state, account.currency) if written else ()
        if any(change.lowers for change in changes) and self._paused_by_us(campaign):
            changes = tuple(change for change in changes if not change.lowers)
        if not changes:
            return ""
        evidence = "; ".join(change.sentence for change in changes)
        # Once for each approval: a person may have cleared the first and approved again.
        seen = f"{campaign.order.request_id} {evidence}" if any(change.raises for change in changes) else evidence
        kept = f"{campaign.name}/changed-outside-{hashlib.sha256(seen.encode()).hexdigest()[:12]}"
        violation = self._violation(campaign, kept, "changed-outside", _severity(changes), evidence, at)
        if not any(change.raises for change in changes):
            self._ledger.record_violation(violation)
            return ""
        highest = max(state.daily_budget_micros, *(each.daily_budget_micros for each in written))
        worst = worst_day_micros(account.platform, highest, account.currency) if state.enabled else 0
        day = campaign_clock(campaign, account).calendar.day_of(at)
        self._ledger.record_exposure(violation, self._found(campaign, account, day, worst, at))
        return f"changed on the platform and not by us: {evidence}"

    def _paused_by_us(self, campaign: LiveCampaignInput) -> bool:
        """Whether the campaign, or a stop, has paused it as far as we know: then a pause is no doing of others."""
        return not campaign.progress.enabled or not self._ledger.judge_no_stop(campaign.order.request_id).granted

    def post_days(self, campaign: LiveCampaignInput, report: CampaignReport, account: Account) -> str:
        """Post what each day was billed and served so far to the ledger; a reason to halt where it is too much.

        A day that was reported before and is not reported any more is posted at nothing, so that the ledger notices.
        """
        halt = ""
        clock = campaign_clock(campaign, account)
        days = self._ledger.reservations(campaign.context.account, campaign=campaign.name)
        reservations = {each.key: each for each in days}
        reported = {day_key(campaign, clock.index_of(each.day)): each for each in report.days}
        for key in sorted({*reported, *reservations}):
            day, reserved = reported.get(key), reservations.get(key)
            spend = (day.cost_micros, day.served_micros) if day is not None else (0, 0)
            posted = (reserved.billed_micros, reserved.served_micros) if reserved is not None else (0, 0)
            if day is not None and day.final:  # a credit: what was served and is waived was seen all the same
                spend = (day.cost_micros, max(day.served_micros, posted[1]))
            over = reserved is not None and max(spend) > reserved.worst_case_micros
            if spend != posted:  # amounts are absolute, so what the ledger has already need not be written again
                if reserved is None and day is not None:
                    over = self._unreserved(campaign, account, day.day, max(spend), report.at)
                over = self._ledger.post(key, *spend, report.at).over or over
            if over:
                halt = f"the platform reports more than was reserved for {key}; the account is stopped"
        return halt

    def _unreserved(self, campaign: LiveCampaignInput, account: Account, day: date, micros: int, at: datetime) -> bool:
        """Count spend of a day that was never reserved, as a critical violation."""
        found = self._found(campaign, account, day, micros, at)
        evidence = f"the platform reports {micros} micros for {day.isoformat()}, and nothing was reserved for that day"
        name = f"{found.key}/unreserved-spend"
        violation = self._violation(campaign, name, "unreserved-spend", Severity.CRITICAL, evidence, at)
        self._ledger.record_exposure(violation, found)
        return True

    def _found(
        self, campaign: LiveCampaignInput, account: Account, day: date, micros: int, at: datetime
    ) -> FoundExposure:
        context = campaign.context
        return FoundExposure(
            key=day_key(campaign, campaign_clock(campaign, account).index_of(day)), account=context.account,
            run=context.run, phase=context.phase, campaign=campaign.name, day=day, worst_case_micros=micros,
            request_id=campaign.order.request_id, at=at,
        )  # fmt: skip

    def _violation(
        self, campaign: LiveCampaignInput, id: str, kind: str, severity: Severity, evidence: str, at: datetime
    ) -> Violation:
        context = campaign.context
        return Violation(
            id=id, account=context.account, run=context.run, phase=context.phase, campaign=campaign.name,
            kind=kind, severity=severity, evidence=evidence, at=at,
        )  # fmt: skip


def _severity(changes: Sequence[OutsideChange]) -> Severity:
    return Severity.MEDIUM if all(change.lowers for change in changes) else Severity.HIGH
