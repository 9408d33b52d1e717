"""The stop, against a platform that errs, hangs and lies, and without the ledger."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gaelp.domain.platform_records import CampaignState
from gaelp.ledger.account_stop import StopOrder, WallClock, stop_account
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerUnavailable
from gaelp.ledger.stop_pauses import StopPace
from gaelp.messages.emergency_stop import StopReport
from tests.support import ledgers as kit
from tests.support.ledgers import NOW, booking, claim

PACE = StopPace(client_timeout_seconds=5)


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self.at = NOW
        self.events: list[Callable[[], None]] = []

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        if self.events:
            self.events.pop(0)()


class Platform:
    """Campaigns by name; `pausing` and `reading` are consulted before each call and may raise or answer themselves."""

    def __init__(self, *names: str) -> None:
        self.enabled = dict.fromkeys(names, True)
        self.pausing: list[Callable[[], bool] | Exception] = []  # True: obey
        self.reading: list[Callable[[], tuple[CampaignState, ...]] | Exception] = []
        self.pauses = 0

    def campaigns(self, account: str) -> tuple[CampaignState, ...]:
        if self.reading:
            return self._next(self.reading)()
        return self.states()

    def find(self, account: str, external_name: str) -> CampaignState | None:
        return next((state for state in self.states() if state.external_name == external_name), None)

    def states(self, **enabled: bool) -> tuple[CampaignState, ...]:
        return tuple(
            CampaignState(
                platform_id=name, external_name=f"run-a/live-test/{name}", account="acme",
                enabled=enabled.get(name, on), daily_budget_micros=1, end_at=NOW, bid_micros=(), creative_prob=(),
                content_digest="c" * 64,
            )
            for name, on in self.enabled.items()
        )  # fmt: skip

    def pause(self, account: str, platform_id: str, at: datetime | None) -> None:
        self.pauses += 1
        if not self.pausing or self._next(self.pausing)():
            self.enabled[platform_id] = False

    @staticmethod
    def _next(planned: list[Callable[[], object] | Exception]) -> Callable[[], object]:
        step = planned.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = kit.prepared_file(tmp_path / "ledger.db")
    yield opened
    opened.close()


def order(account: str = "acme") -> StopOrder:
    return StopOrder(account, "drill", "Ada")


def stop(ledger: Ledger | None, platform: Platform, clock: Clock | None = None) -> StopReport:
    clock = clock or Clock()
    return stop_account(ledger, platform, order(), WallClock(clock.now, clock.wait), PACE)


def test_everything_is_paused_and_the_approval_is_void(ledger: Ledger) -> None:
    """A well-behaved platform is stopped at once, under a new fence, and nothing more may be reserved."""
    platform = Platform("a", "b")
    report = stop(ledger, platform)
    assert (report.stopped, report.fence, report.still_enabled) == (True, 1, ())
    assert report.paused == ("run-a/live-test/a", "run-a/live-test/b")
    assert report.seconds < 5 and not any(platform.enabled.values())
    assert not ledger.reserve(booking(1)).granted


def test_the_fence_is_raised_before_anything_is_paused(ledger: Ledger) -> None:
    """Otherwise a worker could enable again between the pause and the fence."""
    platform, fences = Platform("a"), []

    def obey() -> bool:
        fences.append(ledger.fence("acme"))
        return True

    platform.pausing = [obey]
    assert stop(ledger, platform).stopped
    assert fences == [1]


def test_one_stubborn_campaign_does_not_keep_the_others_running(ledger: Ledger) -> None:
    """Errors and timeouts on some calls are tried again, and the rest is paused in the same round."""
    platform = Platform("a", "b")
    platform.pausing = [TimeoutError("no answer"), lambda: True, ConnectionError("reset")]
    report = stop(ledger, platform)
    assert report.stopped and report.paused == ("run-a/live-test/a", "run-a/live-test/b")


def test_a_pause_that_is_not_obeyed_is_noticed_and_repeated(ledger: Ledger) -> None:
    """A platform that answers "paused" and does nothing is noticed by the read-back."""
    platform = Platform("a")
    platform.pausing = [lambda: False]
    assert stop(ledger, platform).stopped
    assert platform.pauses == 2 and platform.enabled == {"a": False}


@pytest.mark.parametrize("lie", ["paused", "absent"])
def test_a_reading_that_is_wrong_once_is_noticed(ledger: Ledger, lie: str) -> None:
    """The first reading shows nothing enabled though something is: the second pauses it."""
    platform = Platform("a")
    platform.reading = [lambda: platform.states(a=False) if lie == "paused" else ()]
    assert stop(ledger, platform).stopped
    assert platform.enabled == {"a": False}


def test_a_platform_that_never_pauses_is_not_called_stopped(ledger: Ledger) -> None:
    """After a bounded number of tries the report names what is still enabled and what to do."""
    platform = Platform("a", "b")
    platform.pause = lambda account, platform_id, at: (_ for _ in ()).throw(OSError("gone"))  # type: ignore[method-assign]
    report = stop(ledger, platform)
    assert (report.stopped, report.fence) == (False, 1)
    assert report.still_enabled == ("run-a/live-test/a", "run-a/live-test/b")
    assert "pause them in the platform itself" in report.reason and "gone" in report.reason


def test_a_platform_that_cannot_be_read_is_not_called_stopped(ledger: Ledger) -> None:
    """No reading, no certainty."""
    platform = Platform("a")
    platform.reading = [OSError("down")] * 50
    report = stop(ledger, platform)
    assert not report.stopped and "cannot be read: down" in report.reason


def test_a_platform_that_recovers_is_stopped(ledger: Ledger) -> None:
    """Some failed readings at first only cost time."""
    platform = Platform("a")
    platform.reading = [OSError("down")] * 3
    assert stop(ledger, platform).stopped and platform.enabled == {"a": False}


def test_a_call_under_way_that_enables_late_is_paused(ledger: Ledger) -> None:
    """The stop waits for an older claim and finds what its call enabled after the first read-back."""
    ledger.claim(claim("enable"))
    platform, clock = Platform("a"), Clock()

    def enable() -> None:
        platform.enabled["a"] = True
        ledger.resolve(claim("enable").key, "done", "", NOW)

    clock.events = [lambda: None] * 3 + [enable]
    report = stop(ledger, platform, clock)
    assert report.stopped and platform.enabled == {"a": False} and platform.pauses == 2
    assert report.unresolved_claims == ()


def test_a_claim_that_is_never_resolved_is_waited_for_once(ledger: Ledger) -> None:
    """Its call cannot outlive the client's timeout, so the stop ends and names the claim as unknown."""
    ledger.claim(claim("enable", at=NOW - timedelta(days=9)))  # campaign time says nothing about its age
    report = stop(ledger, Platform("a"))
    assert report.stopped and report.unresolved_claims == (claim("enable").key,)
    assert 5 <= report.seconds < 10


def test_a_pause_under_way_is_not_waited_for(ledger: Ledger) -> None:
    """An open claim that can only lessen spend holds nobody up."""
    ledger.claim(claim("pause"))
    report = stop(ledger, Platform("a"))
    assert report.stopped and report.seconds < 2


@pytest.mark.parametrize("how", ["not opened", "read-only", "unknown account"])
def test_without_the_ledger_everything_is_paused_but_not_called_stopped(
    ledger: Ledger, tmp_path: Path, how: str
) -> None:
    """Where the fence cannot be raised old approvals stand, so the stop pauses all and says that it is not one."""
    platform = Platform("a", "b")
    if how == "read-only":
        (tmp_path / "ledger.db").chmod(0o444)
    used = None if how == "not opened" else ledger
    clock = Clock()
    account = "nobody" if how == "unknown account" else "acme"
    report = stop_account(used, platform, order(account), WallClock(clock.now, clock.wait), PACE)
    assert platform.enabled == {"a": False, "b": False}
    assert (report.stopped, report.fence, report.still_enabled) == (False, -1, ())
    assert "the fence could not be raised" in report.reason and "repair the ledger" in report.reason
    assert report.seconds < 5  # no waiting makes it a stop: whoever repairs the ledger must know at once


def test_a_ledger_that_comes_back_raises_the_fence_late(ledger: Ledger, tmp_path: Path) -> None:
    """A ledger unavailable at first is tried again after the pauses, and the stop is then whole."""
    file, platform = tmp_path / "ledger.db", Platform("a")
    file.chmod(0o444)

    def obey() -> bool:
        file.chmod(0o644)
        return True

    platform.pausing = [obey]
    report = stop(ledger, platform)
    assert (report.stopped, report.fence) == (True, 1)


def created(ledger: Ledger, name: str, platform_id: str = "") -> None:
    """A campaign of ours in the ledger, with a day that may still be billed."""
    number = int(name.removeprefix("campaign-"))
    campaign = f"run-a/live-test/{name}"
    ledger.reserve(booking(1, campaign=number))
    ledger.claim(claim(key=f"{campaign}/create", campaign=campaign))
    if platform_id:
        ledger.resolve(f"{campaign}/create", "done", "", NOW, platform_id)


@pytest.mark.parametrize("told", [True, False], ids=["by platform id", "by name"])
def test_what_the_ledger_knows_is_paused_while_the_platform_cannot_be_read(ledger: Ledger, told: bool) -> None:
    """No reading succeeds, and the pauses are sent all the same; the report says that they cannot be read back."""
    platform = Platform("campaign-00", "campaign-01")
    created(ledger, "campaign-00", "campaign-00" if told else "")
    created(ledger, "campaign-01", "campaign-01" if told else "")
    platform.reading = [OSError("down")] * 50
    report = stop(ledger, platform)
    assert platform.enabled == {"campaign-00": False, "campaign-01": False}
    assert not report.stopped and "cannot be read back" in report.reason
    assert report.pauses_sent == ("run-a/live-test/campaign-00", "run-a/live-test/campaign-01")


def test_a_reading_that_takes_long_delays_no_pause(ledger: Ledger) -> None:
    """The pauses are sent while the first reading is still under way, several at once."""
    platform, paused = Platform("campaign-00", "campaign-01"), threading.Barrier(3)
    for name in platform.enabled:
        created(ledger, name, name)

    def obey() -> bool:
        paused.wait(timeout=10)  # not before both pauses and the reading are under way
        return True

    def read() -> tuple[CampaignState, ...]:
        paused.wait(timeout=10)
        return platform.states()

    platform.reading, platform.pausing = [read], [obey, obey]
    assert stop(ledger, platform).stopped
    assert not any(platform.enabled.values())


def test_a_ledger_that_does_not_answer_delays_no_pause(ledger: Ledger) -> None:
    """The ledger hangs: everything is paused at once, and the report says within seconds that the fence is missing."""
    silence = threading.Event()
    hanging = Hanging(ledger, silence)
    platform, began = Platform("a"), time.monotonic()
    pace = StopPace(client_timeout_seconds=5, head_start_seconds=0.1, ledger_seconds=0.4)
    clock = Clock()
    report = stop_account(hanging, platform, order(), WallClock(clock.now, clock.wait), pace)
    silence.set()
    assert platform.enabled == {"a": False} and not report.stopped
    assert "the ledger did not answer within 0.4 seconds" in report.reason
    assert time.monotonic() - began < 3


def test_a_campaign_that_the_platform_does_not_list_is_paused_and_not_called_stopped(ledger: Ledger) -> None:
    """Not found is not gone: what may still be billed is paused by its id, and the report names it."""
    created(ledger, "campaign-00", "campaign-00")
    platform = Platform("campaign-00")
    platform.campaigns = lambda account: ()  # type: ignore[method-assign]
    report = stop(ledger, platform)
    assert platform.enabled == {"campaign-00": False}
    assert not report.stopped and "does not list run-a/live-test/campaign-00" in report.reason


def test_a_ledger_that_says_late_which_campaigns_are_ours_is_waited_for(ledger: Ledger) -> None:
    """Its list comes after the platform's empty one: what is missing there is paused, and nobody calls it a stop."""
    created(ledger, "campaign-00", "campaign-00")
    read, known = threading.Event(), ledger.created_campaigns

    def late(account: str, failed_too: bool) -> Any:
        assert read.wait(timeout=10)
        return known(account, failed_too)

    ledger.created_campaigns = late  # type: ignore[method-assign]
    platform = Platform("campaign-00")

    def lists_nothing(account: str) -> tuple[CampaignState, ...]:
        threading.Timer(0.1, read.set).start()  # not before the platform has answered
        return ()

    platform.campaigns = lists_nothing  # type: ignore[method-assign]
    report = stop(ledger, platform)
    assert platform.enabled == {"campaign-00": False}
    assert not report.stopped and "does not list run-a/live-test/campaign-00" in report.reason


def test_a_ledger_that_does_not_say_which_campaigns_are_ours_is_no_stop(ledger: Ledger) -> None:
    """The fence was raised and everything listed is paused: one that is not listed may go on all the same."""

    def broken(account: str, failed_too: bool) -> Any:
        raise LedgerUnavailable("the disk is gone")

    ledger.created_campaigns = broken  # type: ignore[method-assign]
    report = stop(ledger, Platform("a"))
    assert (report.stopped, report.fence) == (False, 1)
    assert "did not say which campaigns are ours" in report.reason


def test_the_stop_of_a_run_touches_that_run_only(ledger: Ledger) -> None:
    """Its campaigns are paused, also one that was renamed, and it reserves nothing more; the account goes on."""
    created(ledger, "campaign-00", "campaign-00")
    ledger.register_run("run-b", "acme", NOW)
    platform, clock = Platform("campaign-00", "campaign-01", "other"), Clock()
    names = {"campaign-00": "renamed by hand", "other": "run-b/live-test/campaign-00"}
    platform.states = lambda **_: tuple(  # type: ignore[method-assign]
        state.model_copy(update={"external_name": names.get(state.platform_id, state.external_name)})
        for state in Platform.states(platform)
    )
    report = stop_account(
        ledger, platform, StopOrder("acme", "drill", "Ada", "run-a"), WallClock(clock.now, clock.wait), PACE
    )
    assert report.stopped, report.reason
    assert platform.enabled == {"campaign-00": False, "campaign-01": False, "other": True}
    assert ledger.fence("acme") == 0
    refused = ledger.reserve(booking(1, campaign=5))
    assert not refused.granted and "run run-a was stopped" in refused.reason
    assert "run run-a was stopped" in ledger.claim(claim("enable")).reason
    assert ledger.claim(claim("pause")).granted
    assert ledger.claim(claim("enable", key="other", run="run-b", campaign="run-b/live-test/campaign-00")).granted


def test_the_stop_of_a_run_waits_for_its_own_claims_only(ledger: Ledger) -> None:
    """Another run's call under way holds nobody up."""
    ledger.register_run("run-b", "acme", NOW)
    ledger.claim(claim("enable", key="other", run="run-b", campaign="run-b/live-test/campaign-00"))
    clock = Clock()
    report = stop_account(
        ledger, Platform(), StopOrder("acme", "drill", "Ada", "run-a"), WallClock(clock.now, clock.wait), PACE
    )
    assert report.stopped and report.unresolved_claims == () and report.seconds < 2


class Hanging:
    """A ledger whose every answer waits for `silence` to end."""

    def __init__(self, ledger: Ledger, silence: threading.Event) -> None:
        self._ledger, self._silence = ledger, silence

    def __getattr__(self, name: str) -> Callable[..., object]:
        real = getattr(self._ledger, name)

        def call(*arguments: object) -> object:
            self._silence.wait(timeout=30)
            return real(*arguments)

        return call
