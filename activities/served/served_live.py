"""What the queues `live` and `stop` serve, with ad credentials. Touch this when an activity of either is added."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from activities.compute.decisions import beside_credentials
from activities.inputs import Inputs
from activities.live.call_quota import CallQuotas
from activities.live.campaigns import Campaigns
from activities.live.emergency import Emergency
from activities.live.observations import Observations
from activities.live.reaping import Reaping
from activities.live.turns import Turns
from gaelp.domain.ad_accounts import Account
from gaelp.ledger.ledger import Ledger
from gaelp.platforms.adapters import STOP_SECONDS, open_platform
from gaelp.platforms.protocol import CALL_SECONDS, AdPlatform
from gaelp.records.content_store import ContentStore
from gaelp.settings import Settings


def _platforms(
    settings: Settings, timeout_seconds: float = CALL_SECONDS, before_call: Callable[[], None] | None = None
) -> Callable[[Account], AdPlatform]:
    @cache
    def opened(platform: str, kind: str, timezone: str, account: Account) -> AdPlatform:
        return open_platform(account, settings, timeout_seconds, before_call)

    # One connection per kind of account, reused; an envelope's change must not open another.
    def platform_of(account: Account) -> AdPlatform:
        plain = account.model_copy(
            update={"daily_cap_micros": 0, "total_cap_micros": 0, "dollar_rate": None, "call_quota": None, "fence": 0}
        )
        return opened(account.platform, account.kind, account.timezone, plain)

    return platform_of


def live_activities(settings: Settings, quotas: CallQuotas) -> list[Callable[..., Any]]:
    """The only activities with ad credentials, beside the stop."""
    ledger, store = Ledger.open(settings.ledger), ContentStore(settings.store)
    inputs, platforms = Inputs(store), quotas.asking(ledger, _platforms(settings, before_call=quotas.before_call))
    campaigns, observations = Campaigns(ledger, inputs, platforms), Observations(ledger, inputs, platforms)
    turn = Turns(campaigns, observations, beside_credentials(store)).apply_and_observe
    return [campaigns.launch, campaigns.apply, campaigns.pause_and_settle, observations.observe, turn]


def stop_activities(settings: Settings) -> list[Callable[..., Any]]:
    """The emergency stop and the reaper."""
    ledger, platforms = Ledger.open(settings.ledger), _platforms(settings, STOP_SECONDS)
    emergency = Emergency(ledger, platforms)
    return [emergency.stop_account, emergency.waiting_phases, Reaping(ledger, platforms).reap]
