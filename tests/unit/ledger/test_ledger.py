"""The ledger's conformance kit, run on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gaelp.domain.ad_accounts import AccountKind, DollarRate
from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import AttemptSeries
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import (
    LedgerConflict,
    RunNameTaken,
    UnknownAccount,
    UnknownClaim,
    UnknownReservation,
)
from gaelp.ledger.rules.reservation_rules import RaiseStep
from gaelp.ledger.rules.run_rules import judge_judged
from gaelp.ledger.stored_records import BegunTerms
from tests.support import ledgers as kit
from tests.support.ledgers import DAY, NOW, UNIT, booking, claim

LATER = NOW + timedelta(hours=1)
TOMORROW = DAY + timedelta(days=1)
SERIES = AttemptSeries(account="acme", product="product-a", agent="agent", gate="simulation")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with kit.postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        with kit.emptied(request.getfixturevalue("server")) as address:
            yield address


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    """A ledger with an account (100 a day, 1000 in all) and an approval (50 a day, 300 in all)."""
    file = url.removeprefix("sqlite:///")
    opened = kit.prepared(Ledger.open(url)) if file == url else kit.prepared_file(Path(file))
    yield opened
    opened.close()


class TestAccounts:
    def test_an_unknown_account_is_refused_with_the_remedy(self, ledger: Ledger) -> None:
        """Asking for an account that nobody entered names the command that enters one."""
        with pytest.raises(UnknownAccount, match=r"starter\.py accounts"):
            ledger.account("nobody")

    def test_an_owner_changes_the_envelope_and_the_fence_never_falls(self, ledger: Ledger) -> None:
        """Entering an account again changes its caps and keeps the fence that a stop raised."""
        assert ledger.raise_fence("acme", "test", "Ada", NOW) == 1
        ledger.put_account(kit.account(daily_cap_micros=7 * UNIT))
        assert ledger.account("acme") == kit.account(daily_cap_micros=7 * UNIT, fence=1)
        assert [a.account for a in ledger.accounts()] == ["acme"]

    def test_a_dated_rate_is_kept_with_its_source(self, ledger: Ledger) -> None:
        """A rate may change at any time, unlike the currency, reads back to the last digit, and may be taken away."""
        for units in ("149.2", "0.30710001"):
            rate = DollarRate(units_per_dollar=units, day=NOW.date(), source="European Central Bank")
            ledger.put_account(kit.account(dollar_rate=rate))
            assert ledger.account("acme").dollar_rate == rate
            assert str(ledger.accounts()[0].dollar_rate.units_per_dollar) == units
        ledger.put_account(kit.account())
        assert ledger.account("acme").dollar_rate is None

    def test_an_account_with_approvals_keeps_its_kind_and_currency(self, ledger: Ledger) -> None:
        """A real account cannot be declared an emulator's once approvals were asked for on it, nor change currency."""
        for change in ({"kind": AccountKind.REAL}, {"currency": "EUR"}, {"platform": "meta"}):
            with pytest.raises(LedgerConflict, match="enter a new account"):
                ledger.put_account(kit.account(**change))

    def test_a_demo_key_cannot_be_entered_on_a_real_account(self, ledger: Ledger) -> None:
        """Demo keys are refused where real money is spent."""
        ledger.put_account(kit.account(account="real", kind=AccountKind.REAL))
        with pytest.raises(LedgerConflict, match="takes no demo key"):
            ledger.put_approver(kit.approver(account="real", demo=True))

    def test_a_key_id_must_belong_to_its_key(self, ledger: Ledger) -> None:
        """An approver whose key id names another key is refused."""
        with pytest.raises(LedgerConflict, match="does not belong"):
            ledger.put_approver(kit.approver(key_id="0" * 16))

    def test_a_removed_approver_is_gone(self, ledger: Ledger) -> None:
        """Removing a key takes it from the list, once."""
        assert [a.name for a in ledger.approvers("acme")] == ["Ada"]
        assert ledger.remove_approver("acme", kit.KEY.key_id)
        assert not ledger.remove_approver("acme", kit.KEY.key_id)
        assert ledger.approvers("acme") == ()


class TestRunsAndAttempts:
    def test_a_run_name_is_taken_for_ever(self, ledger: Ledger) -> None:
        """The identical registration is harmless (a retry); any other use of the name is refused."""
        ledger.register_run("run-a", "acme", NOW)
        with pytest.raises(RunNameTaken, match="'run-a' was taken"):
            ledger.register_run("run-a", "acme", LATER)
        assert [(r.run, r.at) for r in ledger.runs()] == [("run-a", NOW)]

    def test_a_run_name_that_could_become_a_path_is_refused(self, ledger: Ledger) -> None:
        """Names are checked before they become keys."""
        with pytest.raises(ValueError, match="not a valid name"):
            ledger.register_run("../x", "acme", NOW)

    def test_a_run_begins_once_for_ever_on_its_own_terms(self, ledger: Ledger) -> None:
        """The same terms again are harmless; another agent or configuration, or no registration, is refused."""
        ledger.register_run("run-z", "acme", NOW)
        terms = BegunTerms("acme", "mine", "c" * 64)
        before = judge_judged("run-z", ledger.run("run-z"), terms)
        assert not before.granted and "has not begun" in before.reason
        assert ledger.begin_run("run-z", terms).granted and ledger.begin_run("run-z", terms).granted
        assert judge_judged("run-z", ledger.run("run-z"), terms).granted
        for name, value in (("agent", "theirs"), ("config_digest", "d" * 64)):
            other = ledger.begin_run("run-z", replace(terms, **{name: value}))
            assert not other.granted and "has begun with another agent or configuration" in other.reason
        assert "was ever registered" in ledger.begin_run("run-never", terms).reason
        kept = ledger.run("run-z")
        assert kept is not None and (kept.agent, kept.config_digest) == ("mine", "c" * 64)

    def test_attempts_are_counted_across_runs_and_once_per_assessment(self, ledger: Ledger) -> None:
        """A retried assessment keeps its number, and a new one gets the next."""
        assert ledger.next_attempt(SERIES, "run-a") == 1
        assert ledger.next_attempt(SERIES, "run-b") == 2
        assert ledger.next_attempt(SERIES, "run-a") == 1
        assert ledger.next_attempt(SERIES, "run-c") == 3

    @pytest.mark.parametrize("name", ["account", "product", "agent", "gate"])
    def test_attempts_are_counted_by_account_product_agent_and_gate(self, ledger: Ledger, name: str) -> None:
        """A new assessment on another account, product, agent or gate is the first of its own series."""
        ledger.put_account(kit.account(account="other"))
        assert [ledger.next_attempt(SERIES, run) for run in ("run-a", "run-b")] == [1, 2]
        assert ledger.next_attempt(SERIES.model_copy(update={name: "other"}), "run-c") == 1
        assert ledger.next_attempt(SERIES, "run-d") == 3

    def test_only_a_named_person_with_a_reason_resets_attempts(self, ledger: Ledger) -> None:
        """A reset needs both, starts at 1 again, and leaves an old assessment its number."""
        ledger.next_attempt(SERIES, "run-a")
        ledger.next_attempt(SERIES, "run-b")
        for by, reason in (("", "why"), ("Ada", " ")):
            with pytest.raises(ValueError, match="named person with a reason"):
                ledger.reset_attempts(SERIES, by, reason, NOW)
        assert ledger.reset_attempts(SERIES, "Ada", "the market was rebuilt", NOW) == 2
        assert ledger.next_attempt(SERIES, "run-b") == 2
        assert ledger.next_attempt(SERIES, "run-c") == 1


class TestReservations:
    def test_a_worst_case_that_fits_is_booked(self, ledger: Ledger) -> None:
        """What is granted counts from then on."""
        granted = ledger.reserve(booking(30))
        assert (granted.granted, granted.worst_case_micros) == (True, 30 * UNIT)
        assert ledger.open_exposure("acme") == 30 * UNIT

    def test_the_same_key_may_rise_or_stay_and_never_falls(self, ledger: Ledger) -> None:
        """Asking again is idempotent, a raise is checked anew, and a lower ask leaves what was booked."""
        assert ledger.reserve(booking(30)).granted
        assert ledger.reserve(booking(30)).worst_case_micros == 30 * UNIT
        assert ledger.reserve(booking(10)).worst_case_micros == 30 * UNIT
        assert ledger.reserve(booking(50)).worst_case_micros == 50 * UNIT
        refused = ledger.reserve(booking(51))
        assert (refused.granted, refused.worst_case_micros) == (False, 50 * UNIT)
        assert [e.kind for e in ledger.journal()].count("reserve") == 2

    @pytest.mark.parametrize(
        ("account", "caps", "campaign", "day", "worst", "name"),
        [
            ({}, (None, None, None), 1, DAY, 21, "approved daily cap of 50.00 USD leaves 20.00 USD on 2026-11-22"),
            ({"daily_cap_micros": 40 * UNIT}, (None, None, None), 1, DAY, 11, "account's daily cap of 40.00 USD"),
            ({"total_cap_micros": 45 * UNIT}, (None, None, None), 1, TOMORROW, 16, "account's total cap of 45.00 USD"),
            ({}, (35 * UNIT, None, None), 0, TOMORROW, 6, "campaign's limit of 35.00 USD leaves 5.00 USD"),
            ({}, (None, 35 * UNIT, None), 1, TOMORROW, 6, "run's limit of 35.00 USD leaves 5.00 USD"),
            ({}, (None, None, 35 * UNIT), 1, DAY, 6, "run's limit per account and day of 35.00 USD leaves 5.00 USD"),
        ],
    )
    def test_every_cap_refuses_by_name(
        self,
        ledger: Ledger,
        account: dict[str, int],
        caps: tuple[int | None, int | None, int | None],
        campaign: int,
        day: object,
        worst: int,
        name: str,
    ) -> None:
        """Beside 30 booked, one unit too much is refused naming cap and rest, and one unit less is granted."""
        ledger.put_account(kit.account(**account))
        assert ledger.reserve(booking(30), *caps).granted
        refused = ledger.reserve(booking(worst, campaign=campaign, day=day), *caps)
        assert not refused.granted
        assert name in refused.reason and f"{worst}.00 USD was asked" in refused.reason
        assert ledger.reserve(booking(worst - 1, campaign=campaign, day=day), *caps).granted

    def test_a_campaign_rises_by_one_step_of_its_own_earlier_days(self, ledger: Ledger) -> None:
        """Above it a day is refused whatever the caps allow and others have, elsewhere too; what is booked stays."""
        step = RaiseStep(first_worst_micros=10 * UNIT, share=0.2, period_days=1)
        days = [{"day": DAY + timedelta(days=n), "key": f"run-a/live-test/campaign-00/day-{n:03d}"} for n in range(2)]
        later = {"day": TOMORROW, "key": "run-a/live-test/campaign-01/day-000"}
        assert ledger.reserve(booking(20, campaign=1, **later)).granted
        ledger.put_account(kit.account(account="other"), at=NOW)
        ledger.put_approver(kit.approver(account="other"), at=NOW)
        kit.approve(ledger, kit.request(request_id="run-a/live-test#9", account="other"))
        elsewhere = {"account": "other", "request_id": "run-a/live-test#9", "key": "elsewhere/day-000"}
        assert ledger.reserve(booking(20, day=TOMORROW, **elsewhere)).granted
        assert not ledger.reserve(booking(11, **days[0]), step=step).granted
        assert ledger.reserve(booking(10, **days[0]), step=step).granted
        refused = ledger.reserve(booking(13, **days[1]), step=step)
        assert not refused.granted and "a step of 20% in a period of 1 days allows 12.00 USD" in refused.reason
        assert ledger.reserve(booking(12, **days[1]), step=step).granted
        assert ledger.reserve(booking(12, **days[1]), step=RaiseStep(UNIT, 0.0, 1)).granted  # booked before

    def test_the_approved_total_cap_covers_the_phase(self, ledger: Ledger) -> None:
        """Six full days use up the approved total, and a seventh is refused."""
        for offset in range(6):
            assert ledger.reserve(booking(50, day=DAY + timedelta(days=offset))).granted
        assert "approved total cap" in ledger.reserve(booking(1, day=DAY + timedelta(days=6))).reason

    def test_a_second_approval_does_not_add_to_the_first(self, ledger: Ledger) -> None:
        """What was booked under an earlier approval of the phase counts against a raise's caps too."""
        assert ledger.reserve(booking(50)).granted
        kit.approve(ledger, kit.request(request_id="run-a/live-test#2", daily_cap_micros=60 * UNIT))
        more = {"campaign": 1, "request_id": "run-a/live-test#2"}
        assert "leaves 10.00 USD" in ledger.reserve(booking(11, **more)).reason
        assert ledger.reserve(booking(10, **more)).granted

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"request_id": "run-a/live-test#9"}, "no approval request"),
            ({"run": "run-b"}, "for another run"),
            ({"phase": Phase.SCALED}, "for another phase"),
            ({"at": NOW + timedelta(days=31)}, "expired"),
        ],
    )
    def test_nothing_is_booked_without_a_standing_approval(
        self, ledger: Ledger, changes: dict[str, object], reason: str
    ) -> None:
        """An approval that is absent, another's, or expired is no approval."""
        refused = ledger.reserve(booking(1, **changes))
        assert not refused.granted and reason in refused.reason
        assert ledger.open_exposure("acme") == 0

    def test_a_request_that_is_only_open_authorises_nothing(self, ledger: Ledger) -> None:
        """Silence is a refusal."""
        ledger.open_request(kit.request(request_id="run-a/live-test#2"), "", NOW)
        refused = ledger.reserve(booking(1, request_id="run-a/live-test#2"))
        assert "is open, not approved" in refused.reason

    def test_a_stop_voids_the_approval_until_a_new_one(self, ledger: Ledger) -> None:
        """After the fence rose even a repeated reservation is refused; an approval under the new fence resumes."""
        assert ledger.reserve(booking(30)).granted
        ledger.raise_fence("acme", "stop", "Ada", NOW)
        assert "fence" in ledger.reserve(booking(30)).reason
        kit.approve(ledger, kit.request(request_id="run-a/live-test#2", fence=1))
        assert ledger.reserve(booking(30, request_id="run-a/live-test#2")).granted

    def test_a_key_belongs_to_one_campaign_day(self, ledger: Ledger) -> None:
        """The key of one day cannot be used for another."""
        assert ledger.reserve(booking(1)).granted
        assert "another day" in ledger.reserve(booking(1, key=booking(1).key, day=TOMORROW)).reason

    def test_amounts_that_are_no_amounts_are_refused(self, ledger: Ledger) -> None:
        """Negative and astronomical worst cases never reach the sums."""
        for micros in (-1, 10**30):
            with pytest.raises(ValueError, match="whole number of micros"):
                ledger.reserve(booking(0, worst_case_micros=micros))


class TestSpend:
    def test_settling_frees_what_was_not_spent(self, ledger: Ledger) -> None:
        """An open day counts in full whatever was posted, a settled one by its final amount."""
        ledger.reserve(booking(50))
        ledger.post(booking(50).key, 10 * UNIT, 12 * UNIT, NOW)
        assert kit.counted(ledger, DAY) == 50 * UNIT
        assert ledger.spent("run-a") == 12 * UNIT
        assert not ledger.settle(booking(50).key, 11 * UNIT, LATER).over
        assert (kit.counted(ledger, DAY), ledger.open_exposure("acme")) == (12 * UNIT, 0)
        assert ledger.spent("run-a") == 12 * UNIT
        assert ledger.reserve(booking(38, campaign=1)).granted
        assert not ledger.reserve(booking(1, campaign=2)).granted

    def test_a_repeated_report_changes_nothing_and_a_lower_older_one_neither(self, ledger: Ledger) -> None:
        """Posts are absolute: the highest amounts stand, and a retry writes no second journal row."""
        ledger.reserve(booking(50))
        ledger.post(booking(50).key, 10 * UNIT, 10 * UNIT, LATER)
        ledger.post(booking(50).key, 10 * UNIT, 10 * UNIT, LATER)
        ledger.post(booking(50).key, 5 * UNIT, 5 * UNIT, NOW)
        assert ledger.spent("run-a") == 10 * UNIT
        assert [e.kind for e in ledger.journal()].count("post") == 1

    @pytest.mark.parametrize(("billed", "served"), [(31, 0), (0, 31)])
    def test_spend_above_a_reservation_trips_the_stop_once(self, ledger: Ledger, billed: int, served: int) -> None:
        """It counts in full, records a critical violation and raises the fence; its repetition does neither again."""
        ledger.reserve(booking(30))
        posted = ledger.post(booking(30).key, billed * UNIT, served * UNIT, NOW)
        assert (posted.over, posted.fence) == (True, 1)
        again = ledger.post(booking(30).key, billed * UNIT, served * UNIT, LATER)
        assert (again.over, again.fence) == (True, 1)
        assert kit.counted(ledger, DAY) == 31 * UNIT
        violations = ledger.violations("run-a")
        assert [(v.kind, v.severity, v.id) for v in violations] == [("over-reservation", "critical", posted.violation)]

    def test_spend_at_the_reservation_is_no_violation(self, ledger: Ledger) -> None:
        """The worst case itself was allowed."""
        ledger.reserve(booking(30))
        assert not ledger.post(booking(30).key, 30 * UNIT, 30 * UNIT, NOW).over
        assert ledger.violations("run-a") == () and ledger.fence("acme") == 0

    def test_a_bill_after_settling_is_counted_and_trips_the_stop(self, ledger: Ledger) -> None:
        """A settled day that is billed more counts the higher amount, and the stop trips: its rest was given back."""
        ledger.reserve(booking(30))
        assert not ledger.settle(booking(30).key, 10 * UNIT, NOW).over
        assert not ledger.post(booking(30).key, 10 * UNIT, 12 * UNIT, LATER).over
        posted = ledger.post(booking(30).key, 12 * UNIT, 12 * UNIT, LATER)
        assert (posted.over, posted.fence) == (True, 1)
        assert kit.counted(ledger, DAY) == ledger.spent("run-a") == 12 * UNIT
        assert "10.00 USD was settled" in ledger.violations("run-a")[0].evidence

    def test_a_second_final_amount_above_the_first_trips_the_stop(self, ledger: Ledger) -> None:
        """What a settled day gave back may be booked by another day, so more for it is over, worst case or not."""
        assert ledger.reserve(booking(30), None, None, None).granted
        assert not ledger.settle(booking(30).key, 10 * UNIT, NOW).over
        assert ledger.settle(booking(30).key, 20 * UNIT, LATER).over

    @pytest.mark.parametrize("settled_first", [False, True])
    def test_a_day_that_was_reported_is_never_settled_below_it(self, ledger: Ledger, settled_first: bool) -> None:
        """In whichever order a report and a settlement at nothing come, the day counts what was reported."""
        ledger.reserve(booking(30))
        calls = [
            lambda: ledger.post(booking(30).key, 20 * UNIT, 20 * UNIT, NOW),
            lambda: ledger.settle(booking(30).key, 0, NOW),
        ]
        for call in reversed(calls) if settled_first else calls:
            call()
        assert kit.counted(ledger, DAY) == ledger.spent("run-a") == 20 * UNIT

    def test_a_report_that_says_less_is_a_violation_and_changes_no_book(self, ledger: Ledger) -> None:
        """A platform that was restored from a backup is noticed; no fence is raised, because nothing more is spent."""
        ledger.reserve(booking(30))
        ledger.post(booking(30).key, 20 * UNIT, 20 * UNIT, NOW)
        for _ in range(2):
            assert not ledger.post(booking(30).key, 5 * UNIT, 5 * UNIT, LATER).over
        assert ledger.spent("run-a") == 20 * UNIT and ledger.fence("acme") == 0
        assert [(v.kind, v.severity) for v in ledger.violations("run-a")] == [("reported-less", "high")]

    def test_a_final_amount_above_the_reservation_trips_the_stop(self, ledger: Ledger) -> None:
        """The bill of the end is judged like every report before it."""
        ledger.reserve(booking(30))
        assert ledger.settle(booking(30).key, 31 * UNIT, NOW).over
        assert ledger.fence("acme") == 1

    def test_an_expired_reservation_is_frozen_and_counts_until_reconciled(self, ledger: Ledger) -> None:
        """Freezing frees nothing, takes no more spend, and only settling ends it."""
        ledger.reserve(booking(50))
        ledger.reserve(booking(10, day=TOMORROW))
        assert ledger.freeze_expired(TOMORROW, NOW) == (booking(50).key,)
        assert ledger.freeze_expired(TOMORROW, NOW) == ()
        assert kit.counted(ledger, DAY) == 50 * UNIT
        assert "frozen" in ledger.reserve(booking(50)).reason
        ledger.settle(booking(50).key, 20 * UNIT, LATER)
        assert kit.counted(ledger, DAY) == 20 * UNIT
        assert [(r.state, r.counted_micros) for r in ledger.reservations(run="run-a")] == [
            ("settled", 20 * UNIT),
            ("open", 10 * UNIT),
        ]

    def test_spend_without_a_reservation_is_an_error(self, ledger: Ledger) -> None:
        """A key that was never reserved names what to do about it."""
        for call in (lambda: ledger.post("x", 1, 1, NOW), lambda: ledger.settle("x", 1, NOW)):
            with pytest.raises(UnknownReservation, match="stop the account"):
                call()

    def test_an_instant_without_a_time_zone_is_refused(self, ledger: Ledger) -> None:
        """A naive instant could be any hour, so it is never written."""
        ledger.reserve(booking(1))
        with pytest.raises(ValueError, match="no time zone"):
            ledger.post(booking(1).key, 1, 1, datetime(2026, 1, 1))


class TestClaims:
    def test_a_create_that_was_read_back_and_not_found_may_be_called_again_and_stays_open(self, ledger: Ledger) -> None:
        """Only a create has a unique name that makes a repeat harmless, and a stop refuses it like any other call."""
        for intent in ("create", "enable"):
            assert ledger.claim(claim(intent)).granted
        repeats = claim(repeats=True, fence=0)
        assert ledger.claim(claim()).unknown and ledger.claim(repeats).granted
        assert ledger.claim(claim("enable", repeats=True)).unknown
        assert [c.intent for c in ledger.unresolved_claims("acme")] == ["create", "enable"]
        ledger.raise_fence("acme", "stop", "Ada", NOW)
        assert "a stop came between" in ledger.claim(repeats).reason
        ledger.resolve(claim().key, "done", "", NOW, "7")
        assert ledger.claim(repeats).done

    def test_a_call_is_granted_once_and_then_done(self, ledger: Ledger) -> None:
        """After it was resolved as done, a retry learns that and what was recorded."""
        assert ledger.claim(claim()).granted
        ledger.resolve(claim().key, "done", "platform id 7", NOW)
        again = ledger.claim(claim())
        assert (again.granted, again.done, again.detail) == (False, True, "platform id 7")

    def test_an_open_claim_is_an_unknown_outcome(self, ledger: Ledger) -> None:
        """A retry that finds its claim open may not call again; it must read back and resolve."""
        ledger.claim(claim())
        again = ledger.claim(claim())
        assert (again.granted, again.done, again.unknown) == (False, False, True)
        assert again.reason.startswith("outcome unknown")
        ledger.resolve(claim().key, "unknown", "timed out", NOW)
        assert ledger.claim(claim()).unknown
        assert [c.key for c in ledger.unresolved_claims("acme")] == [claim().key]

    def test_a_failed_call_may_be_claimed_again(self, ledger: Ledger) -> None:
        """What surely did not happen may be tried again, once."""
        ledger.claim(claim())
        ledger.resolve(claim().key, "failed", "not found on the platform", NOW)
        assert ledger.unresolved_claims("acme") == ()
        assert ledger.claim(claim()).granted
        assert ledger.claim(claim()).unknown

    def test_done_stays_done(self, ledger: Ledger) -> None:
        """A late "failed" cannot reopen a call that was made, and a repeated "done" is harmless."""
        ledger.claim(claim())
        ledger.resolve(claim().key, "done", "id 7", NOW)
        ledger.resolve(claim().key, "done", "id 7", LATER)
        for outcome in ("failed", "unknown"):
            with pytest.raises(LedgerConflict, match="stays done"):
                ledger.resolve(claim().key, outcome, "", LATER)

    def test_a_failed_claim_that_happened_after_all_becomes_done(self, ledger: Ledger) -> None:
        """The truth may turn out worse, and then stands."""
        ledger.claim(claim())
        ledger.resolve(claim().key, "failed", "", NOW)
        ledger.resolve(claim().key, "done", "it was there after all", LATER)
        assert ledger.claim(claim()).done

    def test_a_claim_under_an_older_fence_is_refused(self, ledger: Ledger) -> None:
        """What a stop came before may not enable anything; a pause and an earlier end always may."""
        ledger.raise_fence("acme", "stop", "Ada", NOW)
        refused = ledger.claim(claim("enable", fence=0))
        assert (refused.granted, refused.fence) == (False, 1) and "stop came between" in refused.reason
        assert not ledger.claim(claim("end", fence=0)).granted
        assert ledger.claim(claim("end", fence=0, shortens=True)).granted
        assert ledger.claim(claim("pause", fence=0)).granted
        assert ledger.claim(claim("enable", fence=1)).granted

    def test_a_pause_is_granted_every_time(self, ledger: Ledger) -> None:
        """Neither an open nor a done claim keeps anyone from pausing again."""
        assert ledger.claim(claim("pause")).granted
        assert ledger.claim(claim("pause")).granted
        ledger.resolve(claim("pause").key, "done", "", NOW)
        assert ledger.claim(claim("pause")).granted

    def test_a_key_serves_one_call_only(self, ledger: Ledger) -> None:
        """The key of one intent cannot be spent on another."""
        ledger.claim(claim())
        assert "someone else's" in ledger.claim(claim("pause", key=claim().key)).reason

    def test_resolving_what_was_never_claimed_is_an_error(self, ledger: Ledger) -> None:
        """A resolve must follow a claim, with a known outcome."""
        with pytest.raises(UnknownClaim, match="never made"):
            ledger.resolve("x", "done", "", NOW)
        with pytest.raises(ValueError, match="one of done, failed, unknown"):
            ledger.resolve("x", "perhaps", "", NOW)


class TestViolationsAndJournal:
    def test_a_violation_is_recorded_once_and_cleared_by_a_named_person(self, ledger: Ledger) -> None:
        """Only with a name and a reason; the same clearing again is harmless, another's is refused."""
        ledger.reserve(booking(30))
        name = ledger.post(booking(30).key, 31 * UNIT, 0, NOW).violation
        assert ledger.post(booking(30).key, 31 * UNIT, 0, LATER).violation == name
        assert [violation.id for violation in ledger.violations("run-a")] == [name]
        with pytest.raises(ValueError, match="named person"):
            ledger.resolve_alert("run-a", name, "Ada", "", NOW)
        ledger.resolve_alert("run-a", name, "Ada", "a test ad", NOW)
        (cleared,) = ledger.violations("run-a")
        assert (cleared.id, cleared.resolved_by, cleared.resolution) == (name, "Ada", "a test ad")
        ledger.resolve_alert("run-a", name, "Ada", "a test ad", LATER)
        with pytest.raises(LedgerConflict, match="resolved by Ada"):
            ledger.resolve_alert("run-a", name, "Bob", "me too", LATER)
        assert ledger.violations("run-a") == (cleared,)

    def test_the_journal_has_no_gaps_and_pages(self, ledger: Ledger) -> None:
        """Every accepted change is numbered in order; a refused one leaves no number behind."""
        ledger.reserve(booking(30))
        ledger.reserve(booking(30, campaign=1))
        with pytest.raises(UnknownReservation):
            ledger.settle("x", 1, NOW)
        ledger.settle(booking(30).key, 5 * UNIT, NOW)
        entries = ledger.journal()
        assert [e.sequence for e in entries] == list(range(1, len(entries) + 1))
        assert [e.kind for e in entries] == ["account", "approver", "run", "request", "approve", "reserve", "settle"]
        assert (entries[-1].amount_micros, json.loads(entries[-1].detail)["day"]) == (5 * UNIT, "2026-11-22")
        assert entries[-1].at == NOW and entries[-1].at.tzinfo is UTC
        assert ledger.journal(2, 3) == entries[2:5]

    def test_a_reopened_ledger_knows_everything(self, ledger: Ledger, url: str) -> None:
        """What was booked outlives the process."""
        ledger.reserve(booking(30))
        other = Ledger.open(url)
        assert other.journal() == ledger.journal() and kit.counted(other) == 30 * UNIT
        other.close()


def test_a_booking_that_crosses_a_share_of_a_limit_is_noted_once(ledger: Ledger) -> None:
    """In the booking's own transaction, and not again by a repeated call or a refused one."""
    kit.approve(ledger)

    def alerts() -> list[str]:
        return [json.loads(entry.detail)["evidence"] for entry in ledger.journal(kinds=("alert",))]

    for worst in (4, 6, 6, 99):
        ledger.reserve(kit.booking(worst), run_cap_micros=10 * UNIT, alerts=(0.5, 0.8))
    assert alerts() == ["6.00 USD of the run's limit of 10.00 USD are counted: more than 50%"]
