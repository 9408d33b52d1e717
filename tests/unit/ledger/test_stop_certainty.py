"""What a stop may call certain, whom it asks, and what it says: the details on which its mutants survived."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gaelp.domain.platform_records import CampaignState
from gaelp.ledger import account_stop
from gaelp.ledger.account_stop import StopOrder, WallClock, stop_account
from gaelp.ledger.ledger import Ledger
from gaelp.messages.emergency_stop import StopReport
from tests.support import ledgers as kit
from tests.support.ledgers import NOW, claim

PACE = account_stop.StopPace(client_timeout_seconds=5)
NAME = "run-a/live-test/campaign-00"


def nothing() -> None:
    """What happens while a test has nothing to disturb."""


class Account:
    """One enabled campaign, a clock that moves only by waiting, and what happens at each pause and each wait."""

    def __init__(self) -> None:
        self.enabled, self.now = True, NOW
        self.obeys: Callable[[], bool] = lambda: True
        self.readings: list[bool | Exception] = []  # what is read instead of the truth, one after another
        self.waited: Callable[[], None] = nothing
        self.pauses, self.asked = 0, set[str]()

    def state(self, enabled: bool) -> CampaignState:
        return CampaignState(
            platform_id="17", external_name=NAME, account="acme", enabled=enabled, daily_budget_micros=1, end_at=NOW,
            bid_micros=(), creative_prob=(),
        )  # fmt: skip

    def find(self, account: str, external_name: str) -> CampaignState | None:
        self.asked.add(account)
        return self.state(self.enabled)

    def campaigns(self, account: str) -> tuple[CampaignState, ...]:
        self.asked.add(account)
        answer = self.readings.pop(0) if self.readings else self.enabled
        if isinstance(answer, Exception):
            raise answer
        return (self.state(answer),)

    def pause(self, account: str, platform_id: str, at: datetime | None) -> None:
        self.asked.add(account)
        assert platform_id == "17"
        self.pauses += 1
        if self.obeys():
            self.enabled = False

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.waited()

    def stop(self, ledger: Ledger | None, pace: account_stop.StopPace = PACE) -> StopReport:
        clock = WallClock(lambda: self.now, self.wait)
        return stop_account(ledger, self, StopOrder("acme", "drill", "Ada"), clock, pace)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = kit.prepared_file(tmp_path / "ledger.db")
    yield opened
    opened.close()


def test_the_platform_is_asked_for_the_stopped_account_and_no_other(ledger: Ledger) -> None:
    """Readings and pauses name the account of the order."""
    account = Account()
    assert account.stop(ledger).stopped
    assert account.asked == {"acme"}


def test_the_journal_says_who_stopped_the_account_and_why(ledger: Ledger) -> None:
    """The fence's entry holds the reason and the person of the order."""
    Account().stop(ledger)
    (entry,) = ledger.journal(kinds=("fence",))
    detail = json.loads(entry.detail)
    assert (detail["by"], detail["reason"], entry.account) == ("Ada", "drill", "acme")


def test_a_stop_without_open_claims_waits_for_nothing_but_its_second_reading(ledger: Ledger) -> None:
    """Two waits between readings, and none for calls that nobody made."""
    account = Account()
    assert account.stop(ledger).seconds == 2 * PACE.seconds_between_rounds


def test_a_claim_that_is_resolved_is_noticed_soon(ledger: Ledger) -> None:
    """The stop looks several times a second, and ends when the last older call has ended."""
    account = Account()
    ledger.claim(claim("enable"))

    def resolve() -> None:
        if account.now >= NOW + timedelta(seconds=0.5) and ledger.unresolved_claims("acme"):
            ledger.resolve(claim("enable").key, "failed", "", NOW)

    account.waited = resolve
    report = account.stop(ledger)
    assert report.stopped and report.unresolved_claims == ()
    assert report.seconds <= 0.5 + 0.25 + 2 * PACE.seconds_between_rounds


def test_a_short_timeout_is_waited_for_in_quarters(ledger: Ledger) -> None:
    """A client that gives up within a second is looked after more often than four times a second."""
    account, pace = Account(), replace(PACE, client_timeout_seconds=0.4)
    ledger.claim(claim("enable"))
    began: list[datetime] = []

    def resolve() -> None:
        if not account.enabled and ledger.unresolved_claims("acme") and account.now > NOW + timedelta(seconds=0.5):
            began.append(account.now)
            ledger.resolve(claim("enable").key, "failed", "", NOW)

    account.waited = resolve
    report = account.stop(ledger, pace)
    assert report.unresolved_claims == ()
    assert began == [NOW + timedelta(seconds=0.6)]  # half a second between readings, and a quarter of the timeout


def test_an_older_call_is_waited_for_until_its_client_must_have_given_up(ledger: Ledger) -> None:
    """The whole timeout passes after the first readings before the last ones: not a poll less."""
    account = Account()
    ledger.claim(claim("enable"))
    report = account.stop(ledger)
    assert report.unresolved_claims == (claim("enable").key,)
    assert report.seconds == 5 + 2 * PACE.seconds_between_rounds


def test_a_claim_made_under_the_new_fence_is_not_waited_for(ledger: Ledger) -> None:
    """Whoever claims under the new fence was approved after the stop, and holds it up no more."""
    account = Account()

    def obey() -> bool:
        assert ledger.claim(claim("enable", fence=ledger.fence("acme"))).granted
        return True

    account.obeys = obey
    report = account.stop(ledger)
    assert report.stopped and report.unresolved_claims == ()
    assert report.seconds == 2 * PACE.seconds_between_rounds


def test_after_rounds_without_effect_one_reading_does_not_make_a_stop(ledger: Ledger) -> None:
    """The platform ignores every pause of the first rounds and then lies once: the second reading pauses it."""
    account = Account()

    def obey() -> bool:
        if account.pauses == PACE.rounds:  # a true reading ends these rounds, and the lie follows it
            account.readings = [True, False]
        return account.pauses > PACE.rounds

    account.obeys = obey
    report = account.stop(ledger)
    assert not account.enabled
    assert report.stopped and report.paused == (NAME,)


def test_a_platform_that_ignores_every_pause_is_named_and_nothing_else(ledger: Ledger) -> None:
    """The sentence names the campaign and the remedy; a reading that failed at first and a fence that stands are no
    part of it."""
    account = Account()
    account.readings = [OSError("down")]
    account.obeys = lambda: False
    report = account.stop(ledger)
    assert not report.stopped and report.still_enabled == (NAME,) and report.paused == ()
    assert report.reason == f"still enabled: {NAME}; pause them in the platform itself"


def test_a_fence_that_is_raised_late_is_no_part_of_the_sentence(ledger: Ledger, tmp_path: Path) -> None:
    """The ledger fails first and answers later: then only the campaign that ignores its pauses is left to name."""
    file, account = tmp_path / "ledger.db", Account()
    file.chmod(0o444)

    def disobey() -> bool:
        file.chmod(0o644)
        return False

    account.obeys = disobey
    report = account.stop(ledger)
    assert (report.stopped, report.fence) == (False, 1)
    assert report.reason == f"still enabled: {NAME}; pause them in the platform itself"


def test_a_late_fence_needs_no_further_reading(ledger: Ledger, tmp_path: Path) -> None:
    """The pauses were read back before and after it, so that the stop takes no longer than any other."""
    file, account = tmp_path / "ledger.db", Account()
    file.chmod(0o444)

    def obey() -> bool:
        file.chmod(0o644)
        return True

    account.obeys = obey
    report = account.stop(ledger)
    assert (report.stopped, report.fence, report.seconds) == (True, 1, 2 * PACE.seconds_between_rounds)
