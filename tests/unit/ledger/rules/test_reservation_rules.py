"""Whether a campaign day may be reserved, and whether its worst case fits every cap, each to the micro."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import MOST_REPORTED
from gaelp.ledger.rules.reservation_rules import (
    Cap,
    CapRuling,
    RaiseStep,
    RunLimits,
    caps_of,
    judge_request,
    judge_step,
    judge_worst_case,
)
from gaelp.ledger.rules.ruling import GRANTED
from gaelp.ledger.rules.running_totals import Scope
from gaelp.money import exact_money
from tests.support.ledgers import DAY, NOW, UNIT, account, booking, request, reservation, stored_request
from tests.support.planted_anomalies import anomaly, walked

LIMITS = RunLimits(campaign_micros=80 * UNIT, run_micros=90 * UNIT, account_daily_micros=70 * UNIT)
CAPS = caps_of(request(), account(), LIMITS)
AMPLE = (Cap("daily", Scope.ACCOUNT_DAY, 10**12), Cap("total", Scope.ACCOUNT, 10**12))
NOTHING = dict.fromkeys(Scope, 0)


class TestRequest:
    def test_a_day_under_a_standing_approval_may_be_reserved(self) -> None:
        """A free key, and the approval of the same account, run and phase."""
        assert judge_request(booking(1), None, stored_request("approved"), account()) == GRANTED
        assert judge_request(booking(1), reservation(), stored_request("approved"), account()) == GRANTED

    def test_no_day_is_reserved_at_what_the_largest_report_counts(self) -> None:
        """A report beyond measure counts as so much, and must be more than any reservation, or nobody would stop."""
        stored = stored_request("approved")
        below, at = booking(1, worst_case_micros=MOST_REPORTED - 1), booking(1, worst_case_micros=MOST_REPORTED)
        assert judge_request(below, None, stored, account()) == GRANTED
        ruling = judge_request(at, None, stored, account())
        assert not ruling.granted and "more than any day may be reserved at: take a budget" in ruling.reason

    def test_without_a_request_nothing_may_be_reserved(self) -> None:
        """An id that nobody opened is refused by name."""
        ruling = judge_request(booking(1), None, None, account())
        assert ruling.reason == ("no approval request run-a/live-test#1 was opened: nothing may be spent without one")
        assert not ruling.granted

    @pytest.mark.parametrize(
        ("changes", "name"),
        [({"account": "other"}, "account"), ({"run": "b"}, "run"), ({"phase": Phase.SCALED}, "phase")],
    )
    def test_an_approval_of_something_else_is_refused(self, changes: dict[str, Any], name: str) -> None:
        """An approval serves one account, one run and one phase."""
        ruling = judge_request(booking(1), None, stored_request("approved", **changes), account())
        assert (ruling.granted, ruling.reason) == (False, f"approval run-a/live-test#1 is for another {name}")

    def test_an_approval_that_does_not_stand_is_refused(self) -> None:
        """Open, expired, or given before a stop: each has its own sentence."""
        for stored, at, fence, words in (
            (stored_request("open"), NOW, 0, "is open, not approved"),
            (stored_request("approved"), NOW + timedelta(days=31), 0, "expired"),
            (stored_request("approved"), NOW, 1, "a stop has raised the fence"),
        ):
            ruling = judge_request(booking(1, at=at), None, stored, account(fence=fence))
            assert not ruling.granted and words in ruling.reason

    @pytest.mark.parametrize(
        ("timezone", "at", "granted"),
        [
            ("UTC", datetime(2026, 11, 22, 0, tzinfo=UTC), True),
            ("UTC", datetime(2026, 11, 22, 23, 59, tzinfo=UTC), True),
            ("UTC", datetime(2026, 11, 21, 23, 59, tzinfo=UTC), False),
            ("UTC", datetime(2026, 11, 23, tzinfo=UTC), False),
            ("Asia/Tokyo", datetime(2026, 11, 21, 15, tzinfo=UTC), True),
            ("Asia/Tokyo", datetime(2026, 11, 22, 15, tzinfo=UTC), False),
        ],
    )
    def test_a_day_is_reserved_while_it_lasts(self, timezone: str, at: datetime, granted: bool) -> None:
        """A day to come and a day that is over are refused, by the clocks of the account."""
        ruling = judge_request(booking(1, at=at), None, stored_request("approved"), account(timezone=timezone))
        assert ruling.granted == granted and ("a day is reserved while it lasts" in ruling.reason) == (not granted)

    @pytest.mark.parametrize("name", ["account", "run", "phase", "campaign", "day"])
    def test_a_key_belongs_to_one_campaign_day(self, name: str) -> None:
        """A key that stands for another account, run, phase, campaign or day is refused by what differs."""
        other = {"phase": Phase.SCALED, "day": DAY + timedelta(days=1)}.get(name, "other")
        ruling = judge_request(booking(1), reservation(**{name: other}), stored_request("approved"), account())
        assert not ruling.granted and f"exists with another {name}: use a key of its own" in ruling.reason

    @pytest.mark.parametrize("state", ["frozen", "settled"])
    def test_a_day_that_is_not_open_takes_no_more_spend(self, state: str) -> None:
        """A frozen or settled day cannot rise."""
        ruling = judge_request(booking(1), reservation(state=state), stored_request("approved"), account())
        assert not ruling.granted and f"is {state} and takes no more spend" in ruling.reason


class TestCaps:
    def test_without_limits_of_the_run_four_caps_apply(self) -> None:
        """What was approved and what the owner set always apply, each per day and in all."""
        assert caps_of(request(), account(), RunLimits()) == (
            Cap("approved daily cap", Scope.PHASE_DAY, 50 * UNIT),
            Cap("approved total cap", Scope.PHASE, 300 * UNIT),
            Cap("account's daily cap", Scope.ACCOUNT_DAY, 100 * UNIT),
            Cap("account's total cap", Scope.ACCOUNT, 1000 * UNIT),
        )

    def test_each_limit_of_the_run_adds_its_cap(self) -> None:
        """A limit of zero is a limit."""
        limits = RunLimits(campaign_micros=0, run_micros=1, account_daily_micros=2)
        assert caps_of(request(), account(), limits)[4:] == (
            Cap("run's limit per account and day", Scope.ACCOUNT_DAY, 2),
            Cap("campaign's limit", Scope.CAMPAIGN, 0),
            Cap("run's limit", Scope.RUN, 1),
        )

    def test_only_scopes_of_a_day_are_daily(self) -> None:
        """A refusal names the day where the cap is one of a day."""
        assert {scope for scope in Scope if scope.daily} == {Scope.ACCOUNT_DAY, Scope.PHASE_DAY}


def judge(micros: int, used: Mapping[Scope, int] = NOTHING, **existing: Any) -> CapRuling:
    stored = reservation(**existing) if existing else None
    return judge_worst_case(booking(0, worst_case_micros=micros), stored, CAPS, used, "USD")


class TestWorstCase:
    def test_a_first_worst_case_is_booked_and_counts(self) -> None:
        """What fits every cap is booked as it was asked for."""
        ruling = judge(30 * UNIT)
        assert ruling == CapRuling(
            True,
            worst_case_micros=30 * UNIT,
            counted_micros=30 * UNIT,
        )

    @pytest.mark.parametrize("cap", CAPS, ids=lambda cap: cap.name)
    def test_each_cap_grants_to_the_micro(self, cap: Cap) -> None:
        """At the cap the last micro is granted, and one above it is refused by the cap's name and what is left."""
        caps, used = (*AMPLE, cap), {**NOTHING, cap.scope: cap.micros - 10 * UNIT}
        assert judge_worst_case(booking(10), None, caps, used, "USD").granted
        ruling = judge_worst_case(booking(0, worst_case_micros=10 * UNIT + 1), None, caps, used, "USD")
        assert (ruling.granted, ruling.cap, ruling.left_micros) == (False, cap.name, 10 * UNIT)
        assert (ruling.worst_case_micros, ruling.counted_micros) == (0, 0)  # nothing is booked by a refusal
        day = " on 2026-11-22" if cap.scope.daily else ""
        limit, key = exact_money(cap.micros, "USD"), booking(1).key
        assert ruling.reason == (
            f"the {cap.name} of {limit} leaves 10.00 USD{day}, and 10.000001 USD was asked for {key}"
        )

    def test_a_cap_that_is_overrun_leaves_nothing(self) -> None:
        """A report above what was booked may have used more than the cap: what is left is zero and not negative."""
        ruling = judge(1, {**NOTHING, Scope.PHASE_DAY: 60 * UNIT})
        assert (ruling.granted, ruling.left_micros) == (False, 0)
        assert "leaves 0.00 USD" in ruling.reason

    def test_the_first_cap_that_is_exceeded_is_named(self) -> None:
        """Approved caps come before the account's, and those before the run's."""
        assert judge(2000 * UNIT).cap == "approved daily cap"
        assert judge(1, dict.fromkeys(Scope, 2000 * UNIT)).cap == "approved daily cap"

    def test_a_reservation_is_not_counted_against_its_own_rise(self) -> None:
        """A day of 30 may rise to the cap of 50, and not one micro above it."""
        used = dict.fromkeys(Scope, 30 * UNIT)
        risen = judge(50 * UNIT, used, worst_case_micros=30 * UNIT, counted_micros=30 * UNIT)
        assert (risen.granted, risen.worst_case_micros, risen.counted_micros) == (True, 50 * UNIT, 50 * UNIT)
        refused = judge(50 * UNIT + 1, used, worst_case_micros=30 * UNIT, counted_micros=30 * UNIT)
        assert (refused.granted, refused.worst_case_micros) == (False, 30 * UNIT)

    @pytest.mark.parametrize("micros", [0, 10 * UNIT, 30 * UNIT])
    def test_a_reservation_never_falls_and_is_not_judged_anew(self, micros: int) -> None:
        """The same or a lower ask leaves what is booked, even where the caps were lowered below it meanwhile."""
        used = dict.fromkeys(Scope, 3000 * UNIT)
        ruling = judge(micros, used, worst_case_micros=30 * UNIT, counted_micros=30 * UNIT)
        assert (ruling.granted, ruling.worst_case_micros, ruling.counted_micros) == (True, 30 * UNIT, 30 * UNIT)

    def test_what_was_posted_above_the_worst_case_keeps_counting(self) -> None:
        """A day of 30 that was billed 40 counts 40, also when its worst case rises to 35."""
        used = dict.fromkeys(Scope, 40 * UNIT)
        ruling = judge(35 * UNIT, used, worst_case_micros=30 * UNIT, counted_micros=40 * UNIT)
        assert (ruling.granted, ruling.worst_case_micros, ruling.counted_micros) == (True, 35 * UNIT, 40 * UNIT)
        assert judge(50 * UNIT, used, worst_case_micros=30 * UNIT, counted_micros=40 * UNIT).granted
        assert not judge(50 * UNIT + 1, used, worst_case_micros=30 * UNIT, counted_micros=40 * UNIT).granted


STEP = RaiseStep(first_worst_micros=50 * UNIT, share=0.2, period_days=3)


@pytest.mark.parametrize(
    ("index", "earlier", "most"),
    [
        (0, {}, 50 * UNIT),
        (2, {0: 50, 1: 50}, 50 * UNIT),
        (3, {0: 50, 1: 50, 2: 50}, 60 * UNIT),
        (5, {2: 50, 3: 60, 4: 60}, 60 * UNIT),  # within a period there is no second step
        (6, {2: 50, 5: 60}, 72 * UNIT),
        (6, {2: 60, 5: 25}, 30 * UNIT),  # after a cut it rises from there
        (3, {}, 60 * UNIT),  # nothing was reserved in the first period
    ],
)
def test_a_budget_rises_by_one_step_from_one_period_to_the_next(index: int, earlier: dict[int, int], most: int) -> None:
    """A permission of the phase is unsigned: what it asks beyond a step is refused to the micro, ceiling or not."""
    days = [
        reservation(key=f"c/day-{i:03d}", day=DAY + timedelta(days=i), worst_case_micros=u * UNIT)
        for i, u in earlier.items()
    ]
    asked = booking(1, key=f"c/day-{index:03d}", worst_case_micros=most)
    assert judge_step(asked, days, STEP, account(), ()) == GRANTED
    more = judge_step(asked.model_copy(update={"worst_case_micros": most + 1}), days, STEP, account(), ())
    assert not more.granted and "a larger raise needs a new request" in more.reason
    assert judge_step(asked.model_copy(update={"worst_case_micros": 10**12}), days, None, account(), ()) == GRANTED


@pytest.mark.parametrize(
    ("last", "undone_by", "most"),
    [
        (5, "Ada", 60),  # one step above the 50 that the cut had lowered to 5
        (5, "", 6),  # the cut stands
        (25, "Ada", 30),  # the phase has halved the budget since: a person restores what monitoring cut, and no more
        (50, "Ada", 60),  # the day of the cut, which is reserved at the budget before it
    ],
)
def test_what_a_person_restores_after_a_cut_is_no_raise(last: int, undone_by: str, most: int) -> None:
    """The cut lasts into the next period: undoing it then ends no healthy campaign, and allows one step and no more."""
    hold, cut = walked([(0, [anomaly()]), (1, [anomaly(e_value=1e9)])])
    before = cut.before.model_copy(update={"daily_budget_micros": 25 * UNIT})
    after = cut.after.model_copy(update={"daily_budget_micros": 2_500_000})
    cut = cut.model_copy(update={"day": DAY, "before": before, "after": after, "undone_by": undone_by})
    days = [reservation(key="c/day-002", day=DAY + timedelta(days=2), worst_case_micros=last * UNIT)]
    asked = booking(most, key="c/day-003")
    assert judge_step(asked, days, STEP, account(), (hold, cut)) == GRANTED
    more = asked.model_copy(update={"worst_case_micros": most * UNIT + 1})
    assert not judge_step(more, days, STEP, account(), (hold, cut)).granted
