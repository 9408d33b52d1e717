"""LIVE: the days of a campaign by its account's calendar, the keys of their reservations, and its decisions on them.

Touch this when a campaign's days are counted or named otherwise.
"""

from __future__ import annotations

from gaelp.domain.ad_accounts import Account
from gaelp.domain.ids import reservation_key
from gaelp.domain.spending.campaign_clock import AccountCalendar, CampaignClock
from gaelp.domain.spending.campaign_records import DecisionMade
from gaelp.messages.live_campaign import LiveCampaignInput


def day_key(campaign: LiveCampaignInput, day_index: int) -> str:
    """Key of a campaign day's reservation; made of names only, so that a retry finds it."""
    return reservation_key(campaign.name, day_index)


def campaign_clock(campaign: LiveCampaignInput, account: Account) -> CampaignClock:
    """The campaign's time by the account's calendar."""
    return CampaignClock(AccountCalendar(account.timezone), campaign.ticks)


def decision_made(campaign: LiveCampaignInput, account: Account, *, applied: bool, near_miss: bool) -> DecisionMade:
    """A decision as the ledger keeps it."""
    progress, day = campaign.progress, campaign_clock(campaign, account).day(campaign.progress.tick)
    return DecisionMade(
        campaign=campaign.name, tick=progress.tick, day=day, daily_budget_micros=progress.daily_budget_micros,
        applied=applied, near_miss=near_miss,
    )  # fmt: skip
