"""The reaper on the real emulator: what nothing covers is paused, and everything else is left alone."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from temporalio.testing import ActivityEnvironment

from activities.live.reaping import Reaping
from gaelp.ledger.account_stop import StopOrder, WallClock, stop_account
from gaelp.messages.reaper import Reap, Reaped
from gaelp.platforms.protocol import OutcomeUnknown
from tests.support.campaign_stand import RUN, Stand
from tests.support.emulators import make_spec
from tests.support.local_runs import LocalRuns

LOOK = datetime(2026, 11, 26, tzinfo=UTC)


def reap(stand: Stand, at: datetime = LOOK) -> Reaped:
    """One look of the reaper."""
    activity = Reaping(stand.ledger, lambda _: stand.platform)
    return ActivityEnvironment().run(activity.reap, Reap(at=at))


def enabled(stand: Stand) -> bool:
    """Whether the campaign is enabled on the platform."""
    found = stand.found()
    assert found is not None
    return found.enabled


def test_an_enable_that_comes_after_the_stop_is_paused(stand: Stand, local_runs: LocalRuns) -> None:
    """`enable` is answered with 500 and carried out after a stop has read everything back: the next look pauses it."""
    assert stand.launch().launched
    fault = {"verb": "enable", "kind": "error-late", "account": stand.account, "seconds": 14}
    local_runs.control("POST", "/faults", json=fault)
    with pytest.raises(OutcomeUnknown):
        stand.apply()
    clock = WallClock(lambda: datetime.now(UTC), time.sleep)
    report = stop_account(stand.ledger, stand.platform, StopOrder(stand.account, "drill", "Ada"), clock)
    assert report.stopped, report.reason
    deadline = time.monotonic() + 20
    while not enabled(stand) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert enabled(stand), "the late call has not come"
    reached = _reached(local_runs, stand)
    assert reap(stand).paused == (stand.campaign.name,)
    assert not enabled(stand)
    assert _reached(local_runs, stand) == reached, "the reaper moved the emulator's clock"
    violation = stand.ledger.violations(RUN)[-1]
    assert (violation.kind, violation.severity) == ("enabled-without-reservation", "critical")


def test_an_orphan_is_paused_and_recorded_once(stand: Stand) -> None:
    """A campaign whose reservations are settled is paused; a retry of the same look records nothing more."""
    stand.running()
    for reservation in stand.ledger.reservations(stand.account):
        stand.ledger.settle(reservation.key, 0, stand.at(1))
    found = reap(stand)
    assert (found.paused, found.still_enabled, found.trouble) == ((stand.campaign.name,), (), ())
    assert not enabled(stand)
    again = stand.found()
    assert again is not None
    stand.platform.real.enable(stand.account, again.platform_id, stand.at(1))
    reap(stand)
    assert not enabled(stand)
    assert len(stand.ledger.violations(RUN)) == 1


def test_a_campaign_with_an_open_approved_reservation_is_left_alone(stand: Stand) -> None:
    """Nothing is paused, written or recorded, however old its days are."""
    stand.running()
    assert reap(stand) == Reaped()
    assert enabled(stand) and stand.platform.calls == []
    assert stand.ledger.violations(RUN) == ()


def test_a_campaign_whose_approval_a_stop_made_void_is_paused(stand: Stand) -> None:
    """Its reservation is open, and the fence has risen since: the stop's own pauses may have failed."""
    stand.running()
    stand.stop()
    assert reap(stand).paused == (stand.campaign.name,)


def test_a_campaign_of_somebody_else_is_never_touched(stand: Stand) -> None:
    """Neither its id nor its name is in our claims, so it is none of our business."""
    stand.running()
    segments, candidates = stand.inputs.market(stand.campaign.context.market_digest).ctr.shape
    spec = make_spec("somebody-elses", stand.account)
    creatives = tuple(spec.creatives[0].model_copy(update={"id": f"item-{k}"}) for k in range(candidates))
    shares = ((1.0 / candidates,) * candidates,) * segments
    fitted = {"segments": segments, "creatives": creatives, "bid_micros": (0,) * segments, "creative_prob": shares}
    other = stand.platform.real.create_paused(spec.model_copy(update={**fitted, "end_at": stand.at(48)}), stand.at())
    stand.platform.real.enable(stand.account, other.platform_id, stand.at())
    stand.stop()
    reap(stand)
    states = {state.external_name: state.enabled for state in stand.platform.real.campaigns(stand.account)}
    assert states == {"somebody-elses": True, stand.campaign.name: False}


def test_an_account_that_cannot_be_read_is_named(stand: Stand, local_runs: LocalRuns) -> None:
    """The look goes on and says which account it could not look at."""
    stand.running()
    fault = {"verb": "list", "kind": "error-before", "account": stand.account}
    local_runs.control("POST", "/faults", json=fault)
    (trouble,) = reap(stand).trouble
    assert stand.account in trouble


def _reached(local_runs: LocalRuns, stand: Stand) -> list[str]:
    campaigns = local_runs.control("GET", "/campaigns")
    return [each["reached"] for each in campaigns if each["state"]["account"] == stand.account]
