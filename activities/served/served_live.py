"""What the queues `live` and `stop` serve, with ad credentials. Touch this when an activity of either is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from activities.compute.decisions import beside_credentials
from activities.inputs import Inputs
from activities.live.call_quota import CallQuotas
from activities.live.campaigns import Campaigns
from activities.live.emergency import Emergency
from activities.live.observations import Observations
from activities.live.reaping import Reaping
from activities.live.turns import Turns
from activities.metering import CountedCalls
from activities.served.measured_ledger import open_ledger
from gaelp.ledger.ledger import Ledger
from gaelp.metrics.recorder import Recorder
from gaelp.platforms.adapters import STOP_SECONDS, kept_platforms
from gaelp.records.content_store import ContentStore
from gaelp.settings import Settings


def live_activities(settings: Settings, recorder: Recorder, quotas: CallQuotas) -> list[Callable[..., Any]]:
    """The only activities with ad credentials, beside the stop."""
    ledger, store = open_ledger(settings, recorder), ContentStore(settings.store)
    kept = kept_platforms(settings, calls=CountedCalls(recorder, quotas.before_call))
    inputs, platforms = Inputs(store), quotas.asking(ledger, kept)
    campaigns, observations = Campaigns(ledger, inputs, platforms), Observations(ledger, inputs, platforms)
    turn = Turns(campaigns, observations, beside_credentials(store)).apply_and_observe
    return [campaigns.launch, campaigns.apply, campaigns.pause_and_settle, observations.observe, turn]


def stop_activities(settings: Settings, recorder: Recorder, ledger: Ledger) -> list[Callable[..., Any]]:
    """The emergency stop and the reaper."""
    platforms = kept_platforms(settings, STOP_SECONDS, CountedCalls(recorder))
    emergency = Emergency(ledger, platforms)
    return [emergency.stop_account, emergency.waiting_phases, Reaping(ledger, platforms).reap]
