"""What a stop may call certain, whom it asks, and what it says: the details on which its mutants survived."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gaelp.domain.platform_records import CampaignState
from gaelp.ledger import account_stop, stop_pauses
from gaelp.ledger.account_stop import StopOrder, WallClock, stop_account
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stop_pauses import listed
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
            bid_micros=(), creative_prob=(), content_digest="c" * 64,
        )  # fmt: skip

    def find(self, account: str, external_name: str) -> CampaignState | None:
        self.asked.add(account)
        assert external_name == NAME
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
        if account.now >= NOW + timedelta(seconds=0.6) and ledger.unresolved_claims("acme"):
            ledger.resolve(claim("enable").key, "failed", "", NOW)

    account.waited = resolve
    report = account.stop(ledger)
    assert report.stopped and report.unresolved_claims == ()
    assert report.seconds <= 0.6 + 0.25 + 2 * PACE.seconds_between_rounds


def test_a_short_timeout_is_waited_for_in_quarters(ledger: Ledger) -> None:
    """A client that gives up within a second is looked after more often than four times a second."""
    account, pace = Account(), replace(PACE, client_timeout_seconds=0.4, seconds_between_rounds=0.1)
    ledger.claim(claim("enable"))
    began: list[datetime] = []

    def resolve() -> None:
        if not account.enabled and ledger.unresolved_claims("acme") and account.now > NOW + timedelta(seconds=0.1):
            began.append(account.now)
            ledger.resolve(claim("enable").key, "failed", "", NOW)

    account.waited = resolve
    report = account.stop(ledger, pace)
    assert report.unresolved_claims == ()
    assert began == [NOW + timedelta(seconds=0.2)]  # a tenth between readings, and a quarter of the timeout


def test_the_timeout_of_older_calls_runs_from_the_fence(ledger: Ledger) -> None:
    """What slow pauses take is a part of the client's timeout: the stop does not wait it out once more after them."""
    account = Account()
    ledger.claim(claim("enable"))

    def slowly() -> bool:
        account.now += timedelta(seconds=4)
        return True

    account.obeys = slowly
    report = account.stop(ledger)
    assert report.unresolved_claims == (claim("enable").key,)
    assert report.seconds == PACE.client_timeout_seconds + PACE.seconds_between_rounds


def test_an_older_call_is_waited_for_until_its_client_must_have_given_up(ledger: Ledger) -> None:
    """The whole timeout passes after the fence before the last reading: not a poll less."""
    account = Account()
    ledger.claim(claim("enable"))
    report = account.stop(ledger)
    assert report.unresolved_claims == (claim("enable").key,)
    assert report.seconds == 5 + PACE.seconds_between_rounds


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


def stopped_while_the_ledger_fails_first(ledger: Ledger, file: Path, *, obeys: bool) -> StopReport:
    """The ledger can be written to again only once the first pause is sent, so that the fence is raised late."""
    account = Account()
    file.chmod(0o444)

    def pause() -> bool:
        file.chmod(0o644)
        return obeys

    account.obeys = pause
    return account.stop(ledger)


def test_a_fence_that_is_raised_late_is_no_part_of_the_sentence(ledger: Ledger, tmp_path: Path) -> None:
    """The ledger fails first and answers later: then only the campaign that ignores its pauses is left to name."""
    report = stopped_while_the_ledger_fails_first(ledger, tmp_path / "ledger.db", obeys=False)
    assert (report.stopped, report.fence) == (False, 1)
    assert report.reason == f"still enabled: {NAME}; pause them in the platform itself"


def test_a_late_fence_needs_no_further_reading(ledger: Ledger, tmp_path: Path) -> None:
    """The pauses were read back before and after it, so that the stop takes no longer than any other."""
    report = stopped_while_the_ledger_fails_first(ledger, tmp_path / "ledger.db", obeys=True)
    assert (report.stopped, report.fence, report.seconds) == (True, 1, 2 * PACE.seconds_between_rounds)


# ------------------------------------------------------------ how long, for whom, and how it is said


def test_a_campaign_that_is_known_by_name_alone_is_looked_for_on_the_stopped_account(ledger: Ledger) -> None:
    """Its create was never answered and no reading succeeds: it is found by its name, paused, and named as sent to."""
    account = Account()
    ledger.claim(claim("create"))
    account.readings = [OSError("down")] * 50
    report = account.stop(ledger)
    assert not account.enabled and report.pauses_sent == (NAME,)
    assert account.asked == {"acme"}


def test_a_campaign_whose_create_was_said_to_fail_is_looked_for_all_the_same(ledger: Ledger) -> None:
    """A platform may create what it answers with an error: while it cannot be read, that one is paused too."""
    account = Account()
    ledger.claim(claim("create"))
    ledger.resolve(claim("create").key, "failed", "500", NOW)
    account.readings = [OSError("down")] * 50
    account.stop(ledger)
    assert not account.enabled


def test_the_ledger_is_given_a_moment_where_the_platform_fails_at_once(ledger: Ledger) -> None:
    """Every reading fails before the ledger has answered: the pauses wait for what it knows, once and not for long."""
    account = Account()
    ledger.claim(claim("create"))
    account.readings = [OSError("down")] * 50
    known = ledger.created_campaigns("acme", True)

    def slowly() -> object:
        time.sleep(0.3)  # no event will do: nothing happens meanwhile that the stop could tell of
        return known

    account.stop(Refusing(ledger, "created_campaigns", slowly))  # type: ignore[arg-type]
    assert not account.enabled
    silence, account, began = threading.Event(), Account(), time.monotonic()
    account.readings = [OSError("down")] * 50
    silent = Refusing(ledger, "created_campaigns", lambda: silence.wait(60))
    account.stop(silent, PACE)  # type: ignore[arg-type]
    silence.set()
    assert account.enabled and time.monotonic() - began < 8  # twelve rounds that each waited would take longer


def test_a_stop_without_a_ledger_and_without_a_platform_raises_nothing() -> None:
    """Nothing is known, and the report says both."""
    account = Account()
    account.readings = [OSError("down")] * 50
    report = account.stop(None)
    assert not report.stopped and report.pauses_sent == ()
    assert "the ledger could not be opened" in report.reason and "the platform cannot be read: down" in report.reason


def test_the_last_reading_after_rounds_without_effect_is_of_the_stopped_account(ledger: Ledger) -> None:
    """When the rounds are used up the account is read once more."""
    account = Account()
    account.obeys = lambda: False
    account.stop(ledger)
    assert account.asked == {"acme"}


def test_what_was_read_before_a_late_fence_counts_for_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """A worker may have enabled meanwhile, so that the account is read twice after the fence, however late it is."""
    file, account = tmp_path / "ledger.db", Account()
    file.chmod(0o444)
    account.readings = [True, False, False]  # the second one before the fence, and one lie after it

    def disobey_once() -> bool:
        file.chmod(0o644)
        return account.pauses > 1

    account.obeys = disobey_once
    report = account.stop(ledger)
    assert (report.stopped, report.fence, account.enabled) == (True, 1, False)


class Refusing:
    """A ledger of which one call fails, or never answers."""

    def __init__(self, ledger: Ledger, name: str, fail: Callable[[], object]) -> None:
        self._ledger, self._name, self._fail = ledger, name, fail

    def __getattr__(self, name: str) -> object:
        real = getattr(self._ledger, name)
        return real if name != self._name else lambda *_: self._fail()


def ask(ledger: Ledger, account: str, run: str) -> None:
    """A request that is open when the stop begins."""
    if account != "acme":
        ledger.put_account(kit.account(account=account))
    if ledger.run(run) is None:
        ledger.register_run(run, account, NOW)
    ledger.open_request(kit.request(account=account, run=run, request_id=f"{run}/live-test#2"), "", NOW)


def test_a_stop_names_the_phases_of_its_account_that_may_ask_anew(ledger: Ledger) -> None:
    """Their requests are void with the fence; those of another account, or of a run's stop, are not."""
    ask(ledger, "acme", "run-b")
    ask(ledger, "other", "run-c")
    account = Account()
    clock = WallClock(lambda: account.now, account.wait)
    of_run = stop_account(ledger, account, StopOrder("acme", "drill", "Ada", "run-a"), clock, PACE)
    assert (of_run.stopped, of_run.waiting) == (True, ())
    assert account.stop(ledger).waiting == ("run-b/live-test",)


@pytest.mark.parametrize("how", ["fails", "never answers"])
def test_phases_that_cannot_be_read_are_left_out_of_the_report(ledger: Ledger, how: str) -> None:
    """They find out by themselves, so that the report neither waits for them nor fails."""
    ask(ledger, "acme", "run-b")
    silence, account, began = threading.Event(), Account(), time.monotonic()

    def fail() -> object:
        if how == "never answers":
            return silence.wait(60)
        raise OSError("the ledger's disk is gone")

    report = account.stop(Refusing(ledger, "waiting_phases", fail), replace(PACE, head_start_seconds=0.3))  # type: ignore[arg-type]
    silence.set()
    assert (report.stopped, report.waiting) == (True, ())
    assert time.monotonic() - began < 30


def test_without_the_fence_nobody_is_told_to_ask_anew(ledger: Ledger, tmp_path: Path) -> None:
    """No request is void then; without any ledger it is not known who waits."""
    ask(ledger, "acme", "run-b")
    refused = Refusing(ledger, "raise_fence", lambda: 1 / 0)
    for used in (refused, None):
        report = Account().stop(used)  # type: ignore[arg-type]
        assert (report.fence, report.waiting) == (-1, ())


@pytest.mark.parametrize(("seconds", "pauses"), [(14.5, 4), (14.6, 2)])
def test_no_round_begins_after_the_time_for_rounds_is_over(ledger: Ledger, seconds: float, pauses: int) -> None:
    """Each of the two series of rounds has 15 seconds of its own, to begin a round within; and then it is no stop."""
    account = Account()

    def slow() -> bool:
        account.now += timedelta(seconds=seconds)
        return False

    account.obeys = slow
    report = account.stop(ledger)
    assert account.pauses == pauses
    assert not report.stopped and report.still_enabled == (NAME,)


@pytest.mark.parametrize("how", ["fails", "never answers"])
def test_claims_that_cannot_be_read_are_waited_for_in_full(ledger: Ledger, how: str) -> None:
    """Older calls may be under way then: the stop waits as long as one can take, and raises nothing."""
    silence, account, began = threading.Event(), Account(), time.monotonic()

    def fail() -> object:
        if how == "never answers":
            return silence.wait(60)
        raise OSError("the ledger's disk is gone")

    pace = replace(PACE, ledger_seconds=0.05, client_timeout_seconds=1.0)
    report = account.stop(Refusing(ledger, "unresolved_claims", fail), pace)  # type: ignore[arg-type]
    silence.set()
    assert report.stopped and report.unresolved_claims == ()
    assert report.seconds == 1.0 + PACE.seconds_between_rounds
    assert time.monotonic() - began < 30


def test_the_stop_of_a_run_waits_for_the_runs_own_open_claims(ledger: Ledger) -> None:
    """A run has no numbered fence, so that each of its open claims is older; the report names those that stay open."""
    ledger.register_run("run-b", "acme", NOW)
    ledger.claim(claim("enable"))
    ledger.claim(claim("enable", key="other", run="run-b", campaign="run-b/live-test/campaign-00"))
    account = Account()
    clock = WallClock(lambda: account.now, account.wait)
    report = stop_account(ledger, account, StopOrder("acme", "drill", "Ada", "run-a"), clock, PACE)
    assert report.unresolved_claims == (claim("enable").key,)
    assert report.seconds == 5 + PACE.seconds_between_rounds


def test_a_pause_that_never_answers_holds_no_round_up(ledger: Ledger) -> None:
    """The platform hangs on the pause: the rounds go on, and the report says that it is still enabled."""
    silence, account, began = threading.Event(), Account(), time.monotonic()
    account.obeys = lambda: not silence.wait(60)
    report = account.stop(ledger, replace(PACE, call_seconds=0.02, rounds=2))
    silence.set()
    assert not report.stopped and report.still_enabled == (NAME,)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(("campaigns", "rounds"), [(1, 1), (8, 1), (9, 2), (16, 2), (17, 3)])
def test_pauses_are_given_the_time_of_as_many_calls_as_follow_one_another(
    monkeypatch: pytest.MonkeyPatch, campaigns: int, rounds: int
) -> None:
    """Eight go at once, so that nine take the time of two calls."""
    given: list[tuple[int, int, float]] = []
    monkeypatch.setattr(stop_pauses, "all_in_parallel", lambda *call: given.append((len(call[0]), *call[1:])))
    account, account_state = Account(), Account().state(True)
    states = tuple(
        account_state.model_copy(update={"platform_id": str(n), "external_name": f"c{n}"}) for n in range(campaigns)
    )
    account.campaigns = lambda account: states  # type: ignore[method-assign]
    pauses = stop_pauses.StopPauses(account, "acme", PACE, "", None)
    assert not pauses.round()
    assert given == [(campaigns, 8, PACE.call_seconds * rounds)]


def test_the_ledger_is_waited_for_so_long_in_all(monkeypatch: pytest.MonkeyPatch, ledger: Ledger) -> None:
    """What the pauses took is taken off the wait for the fence; the head start remains at the least."""
    waits: list[float] = []

    def noted(future: Future[object], seconds: float) -> bool:
        waits.append(seconds)
        return False

    monkeypatch.setattr(account_stop, "answered", noted)
    account = Account()
    account.readings = [True, True, False]  # two rounds without effect: one second
    account.obeys = lambda: False
    account.stop(ledger)
    assert waits[:2] == [PACE.head_start_seconds, PACE.ledger_seconds - 2 * PACE.seconds_between_rounds]
    waits.clear()
    slow = Account()
    slow.obeys = lambda: False  # all rounds without effect: longer than the ledger is waited for
    slow.stop(ledger, replace(PACE, seconds_between_rounds=2.0))
    assert waits[:2] == [PACE.head_start_seconds, PACE.head_start_seconds]


def test_a_sentence_names_ten_campaigns_and_counts_the_rest() -> None:
    """In order of their names; ten are named without a rest."""
    names = [f"c{number:02d}" for number in range(12)]
    assert listed(reversed(names[:10])) == ", ".join(names[:10])
    assert listed(names[:11]) == f"{', '.join(names[:10])} and 1 more"
    assert listed(names) == f"{', '.join(names[:10])} and 2 more"


# ------------------------------------------------------------ a platform that lists nothing


class Emptied(Account):
    """A platform that lists no campaign at all: restored, under another account's id, or never written to."""

    def campaigns(self, account: str) -> tuple[CampaignState, ...]:
        return ()


def created(ledger: Ledger, *, settled: bool, platform_id: str = "17") -> None:
    """The campaign was created, and its day is settled or may still be billed."""
    ledger.reserve(kit.booking(1))
    ledger.claim(claim("create"))
    if platform_id:
        ledger.resolve(claim("create").key, "done", "", NOW, platform_id)
    if settled:
        ledger.settle(kit.booking(1).key, 0, NOW)


def test_a_stop_that_read_no_campaign_calls_nothing_paused(ledger: Ledger) -> None:
    """The sentence says that nothing read back as paused; a campaign that does read back is called paused."""
    emptied = Emptied().stop(ledger)
    assert emptied.stopped and emptied.reason == (
        "drill: the platform, read twice, lists no campaign on account acme, so nothing read back as paused"
    )
    assert Account().stop(ledger).reason == "drill: everything is paused, read back twice"


def test_a_stop_names_what_we_created_and_the_platform_does_not_list(ledger: Ledger) -> None:
    """Its days are settled, so that the stop is one all the same, and says what it does not know."""
    created(ledger, settled=True)
    report = Emptied().stop(ledger)
    assert report.stopped and report.paused == ()
    assert report.reason.endswith(f"; what has become of {NAME}, which we created there, is not known")


def test_a_stop_names_a_creation_that_nobody_answered(ledger: Ledger) -> None:
    """Without a platform id and not listed: it may be there."""
    created(ledger, settled=False, platform_id="")
    report = Emptied().stop(ledger)
    assert report.reason.endswith(f"; whether the creation of {NAME} was carried out is not known")


def test_without_a_fence_a_stop_that_read_no_campaign_calls_nothing_paused_either(
    ledger: Ledger, tmp_path: Path
) -> None:
    """The fence could not be raised, and the sentence about what was read is the same."""
    (tmp_path / "ledger.db").chmod(0o444)
    report = Emptied().stop(ledger)
    assert not report.stopped and "so nothing read back as paused, but old approvals still stand" in report.reason
