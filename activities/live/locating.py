"""LIVE: finds a campaign on the platform, by its platform id first and by its name second.

A campaign whose creation was claimed and that does not read back is unknown and not gone: a person may have renamed it,
or the platform's reading may lag. It may go on and bill, so its days stay reserved in full, a critical violation is
recorded and the account's fence is raised. Touch this to look for a campaign in another way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from gaelp.domain.platform_records import CampaignSpec, CampaignState
from gaelp.domain.spending.advertised_content import content_digest
from gaelp.domain.spending.ledger_records import Severity, Violation
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerUnavailable
from gaelp.messages.live_campaign import LiveCampaignInput
from gaelp.platforms.protocol import OutcomeUnknown, ReadsCampaigns, find_campaign

# Waits between two readings of a campaign that must be there: what a platform wrote it may read only a little later.
LAG_SECONDS = (0.5, 1.5, 4.0)


# What a campaign that was just created has, whatever name somebody gives it.
ASKED = ("daily_budget_micros", "end_at", "bid_micros", "creative_prob")


class NotReadBack(OutcomeUnknown):
    """A campaign that was created does not read back; it may be there all the same."""


class Locating:
    """Remembers platform ids, so that a campaign can be paused while the ledger is gone; `wait` sleeps seconds."""

    def __init__(self, ledger: Ledger, wait: Callable[[float], None]) -> None:
        self._ledger = ledger
        self._wait = wait
        self._ids: dict[tuple[str, str], str] = {}  # by account and campaign: any caller may name another account

    def platform_id(self, campaign: LiveCampaignInput) -> str:
        """The id that the platform gave the campaign; empty where neither we nor the ledger know it."""
        account, name = campaign.context.account, campaign.name
        if (account, name) not in self._ids:
            try:
                created = self._ledger.created_campaigns(account, campaign=name)
            except LedgerUnavailable:
                return ""
            self._ids |= {(account, each.campaign): each.platform_id for each in created if each.platform_id}
        return self._ids.get((account, name), "")

    def find(self, platform: ReadsCampaigns, campaign: LiveCampaignInput) -> CampaignState | None:
        """The campaign as the platform reads it now, or None; a person who renames it does not hide it."""
        state = find_campaign(platform, campaign.context.account, self.platform_id(campaign), campaign.name)
        if state is not None:
            self._ids[campaign.context.account, campaign.name] = state.platform_id
        return state

    def find_created(self, platform: ReadsCampaigns, campaign: LiveCampaignInput) -> CampaignState | None:
        """The same; where the campaign must be there, a reading that lags is tried again."""
        state = self.find(platform, campaign)
        if state is not None or not self.may_exist(campaign):
            return state
        for seconds in LAG_SECONDS:
            if state is not None:
                break
            self._wait(seconds)
            state = self.find(platform, campaign)
        return state

    def read_back(self, platform: ReadsCampaigns, campaign: LiveCampaignInput) -> CampaignState:
        """The campaign, which was created before; raises NotReadBack."""
        state = self.find_created(platform, campaign)
        if state is None:
            raise NotReadBack(f"{campaign.name} does not read back from the platform")
        return state

    def may_exist(self, campaign: LiveCampaignInput) -> bool:
        """Whether a create was claimed for it that is not known to have failed."""
        return bool(self._ledger.created_campaigns(campaign.context.account, campaign=campaign.name))

    def may_repeat_create(self, platform: ReadsCampaigns, campaign: LiveCampaignInput, spec: CampaignSpec) -> bool:
        """Whether a create of unknown outcome, which reads back under no name of ours, can make no second campaign.

        Somebody may have renamed what it made: then a campaign that nobody of ours knows has what was asked for.
        """
        if not platform.unique_names:
            return False
        ours = self._ledger.created_campaigns(campaign.context.account, True)
        known = {each.platform_id for each in ours} | {each.campaign for each in ours}
        others = [c for c in platform.campaigns(spec.account) if not known & {c.platform_id, c.external_name}]
        content = content_digest(spec.product, spec.creatives)
        return not any(
            c.content_digest == content or all(getattr(c, name) == getattr(spec, name) for name in ASKED)
            for c in others
        )

    def record_unknown(self, campaign: LiveCampaignInput, at: datetime) -> str:
        """Record that a created campaign does not read back, and stop its account; returns the sentence for people."""
        place = f"platform id {self.platform_id(campaign) or 'never told'}"
        reason = (
            f"campaign {campaign.name} was created and the platform does not return it ({place}): it may go on and "
            "bill, so its days count in full; look for it in the platform's own pages and pause it there"
        )
        # Once for each approval: a person may have cleared the first and approved again.
        fence = self._ledger.request(campaign.order.request_id).request.fence
        violation = Violation(
            id=f"{campaign.name}/campaign-unknown-{fence}",
            account=campaign.context.account,
            run=campaign.context.run,
            phase=campaign.context.phase,
            campaign=campaign.name,
            kind="campaign-unknown",
            severity=Severity.CRITICAL,
            evidence=reason,
            at=at,
        )
        self._ledger.record_violation_and_stop(violation)
        return reason

    def spent_micros(self, campaign: LiveCampaignInput) -> int:
        """What the platform has reported of the campaign so far, by the ledger."""
        days = self._ledger.reservations(campaign.context.account, campaign=campaign.name)
        return sum(max(d.billed_micros, d.served_micros) for d in days)
