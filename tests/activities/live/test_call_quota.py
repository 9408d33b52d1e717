"""The quota of an account is held by all workers together: three processes, one ledger, the emulator's own count."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.common import MetricMeter
from temporalio.testing import ActivityEnvironment

from activities.live.call_quota import CallQuotas
from activities.metering import CountedCalls
from gaelp.domain.ad_accounts import Account, CallQuota
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerUnavailable
from gaelp.ledger.rules.call_rules import MOST_CALLS
from gaelp.ledger.stores.database import open_database
from gaelp.metrics.recorder import Recorder
from gaelp.platforms.adapters import open_platform
from gaelp.platforms.protocol import AdPlatform, PlatformError
from gaelp.settings import Settings
from tests.support import ledgers as kit
from tests.support.black_box import becomes
from tests.support.local_runs import LocalRuns

QUOTA = CallQuota(calls=300, seconds=5)
PROCESSES = 3
SECONDS = 8.0  # more than the quota's span, so that calls come and go out of it


def activity_of(quotas: CallQuotas, kind: str, token: bytes = b"one") -> ActivityEnvironment:
    """The surroundings of one attempt of an activity."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_type=kind, task_token=token)
    return environment


def hammer(ledger_url: str, settings: Settings, name: str, seconds: float) -> None:
    """What a worker does: activities that read a campaign twice, one after another, for so long."""
    quotas, ledger = CallQuotas(), Ledger.open(ledger_url)
    account = ledger.account(name)
    platform = open_platform(account, settings, calls=CountedCalls(Recorder(MetricMeter.noop), quotas.before_call))
    opened = quotas.asking(ledger, lambda _: platform)

    def observe() -> None:
        opened(account).campaigns(name)
        platform.campaigns(name)

    ends, number = time.monotonic() + seconds, 0
    while time.monotonic() < ends:
        number += 1
        wait = 0.0
        try:
            activity_of(quotas, "observe", str(number).encode()).run(observe)
        except PlatformError as error:
            wait = error.retry_after_seconds or 0.0
        quotas.close(str(number).encode())
        time.sleep(min(wait, 0.2))


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """A ledger that several machines could share."""
    with kit.postgresql() as url:
        yield url


def hammered(local_runs: LocalRuns, url: str, account: Account, seconds: float) -> dict[str, Any]:
    """The emulator's count of calls after three processes have called as fast as they may for so long."""
    ledger = Ledger.open(url)
    ledger.put_account(account)
    ledger.close()
    path = f"/accounts/{account.account}/quota"
    local_runs.control("PUT", path, json=QUOTA.model_dump())
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # one import for all of them
    arguments = (url, local_runs.settings, account.account, seconds)
    crowd = [context.Process(target=hammer, args=arguments) for _ in range(PROCESSES)]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join(90)
    assert [each.exitcode for each in crowd] == [0] * PROCESSES
    used: dict[str, Any] = local_runs.control("GET", path)
    return used


def test_three_processes_keep_to_the_platforms_quota(local_runs: LocalRuns, postgresql: str) -> None:
    """The platform refuses no call of three processes that know its quota; of three that do not, it refuses some."""
    known = hammered(local_runs, postgresql, kit.account(account="known", call_quota=QUOTA), SECONDS)
    assert known["refused"] == 0
    assert known["made"] > QUOTA.calls  # the quota was used: what came in its first span was not all
    unknown = hammered(local_runs, postgresql, kit.account(account="unknown"), QUOTA.seconds)
    assert unknown["refused"] > 0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An account whose quota is used up for the next minute."""
    opened = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    account = kit.account(call_quota=CallQuota(calls=600, seconds=60))
    opened.put_account(account)
    opened.count_calls(account, 600, datetime.now(UTC))
    yield opened
    opened.close()


class Opened(Exception):
    """The platform was opened: nothing held the activity back."""


def opening(_: Account) -> AdPlatform:
    raise Opened


def test_where_the_quota_is_used_up_an_activity_is_told_how_long_to_wait(ledger: Ledger) -> None:
    """It calls nothing and holds no thread: it fails at once, to be tried again after the wait."""
    quotas, account = CallQuotas(), ledger.account("acme")
    with pytest.raises(PlatformError, match="quota for account acme is used up") as refused:
        activity_of(quotas, "apply").run(quotas.asking(ledger, opening), account)
    assert not refused.value.permanent
    assert 45 < (refused.value.retry_after_seconds or 0) < 80


def test_a_pause_never_waits_and_is_counted(ledger: Ledger) -> None:
    """A used-up quota delays no pause; its calls make the others wait longer."""
    quotas, account = CallQuotas(), ledger.account("acme")
    before = ledger.ask_for_calls(account, datetime(2026, 1, 1, tzinfo=UTC))

    def pausing(account: Account) -> None:
        with pytest.raises(Opened):
            quotas.asking(ledger, opening)(account)
        for _ in range(6):
            quotas.before_call()

    activity_of(quotas, "pause_and_settle").run(pausing, account)
    quotas.close(b"one")
    longer = before + timedelta(seconds=6 * 60 / 450)
    asked = datetime(2026, 1, 1, tzinfo=UTC)
    assert becomes(lambda: ledger.ask_for_calls(account, asked) == longer, 10)


def test_a_ledger_that_hangs_delays_no_pause(ledger: Ledger, tmp_path: Path) -> None:
    """While somebody holds the ledger's write lock, a pause opens its platform and ends; an observation does not."""
    quotas, account = CallQuotas(), ledger.account("acme")
    other = open_database(f"sqlite:///{tmp_path / 'ledger.db'}")
    opened = quotas.asking(ledger, opening)
    with other.writing():
        begun = time.monotonic()
        with pytest.raises(Opened):
            activity_of(quotas, "pause_and_settle").run(opened, account)
        quotas.close(b"one")
        paused = time.monotonic()
        with pytest.raises(LedgerUnavailable):
            activity_of(quotas, "observe", b"two").run(opened, account)
        assert paused - begun < 0.5 * (time.monotonic() - paused)
    other.close()


def test_what_was_booked_and_not_called_is_given_back(tmp_path: Path) -> None:
    """After an activity of two calls the account's quota has two calls less, and not eight."""
    ledger = Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    # The burst has room for one activity and a half, so a second one tells whether the first gave back.
    account = kit.account(call_quota=CallQuota(calls=int(15 * MOST_CALLS), seconds=86_400))
    ledger.put_account(account)
    quotas = CallQuotas()

    def observing(account: Account) -> None:
        with pytest.raises(Opened):
            quotas.asking(ledger, opening)(account)
        quotas.before_call()
        quotas.before_call()

    activity_of(quotas, "observe").run(observing, account)
    with pytest.raises(PlatformError):
        activity_of(quotas, "observe", b"two").run(observing, account)
    quotas.close(b"one")

    def free() -> bool:
        return not ledger.ask_for_calls(account, datetime.now(UTC))

    assert becomes(free, 10)
    ledger.close()
