"""Campaigns: whatever dies between which two calls, the platform sees each effect once and nothing stays unwatched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from activities.live.claiming import CLIENT_TOTAL_SECONDS
from gaelp.domain.ad_accounts import DollarRate
from gaelp.domain.spending.dollar_bounds import NoDollarRate
from gaelp.ledger.ledger_errors import LedgerUnavailable
from gaelp.platforms.protocol import OutcomeUnknown, PlatformError
from tests.support.campaign_fixture import MUTATING, RUN, UNIT, CampaignFixture, Crash, crash

WRITES = ("set_delivery", "set_end", "enable")  # what the first apply on a second day makes, in order


# ---------------------------------------------------------------- launch


PHASE = f"{RUN}/live-test"


def test_a_launch_creates_one_paused_campaign(fixture: CampaignFixture) -> None:
    """The first day is reserved, the campaign is created and read back paused."""
    launched = fixture.launch()
    found = fixture.found()
    assert found is not None
    assert launched.launched and not found.enabled
    assert [(r.state, r.worst_case_micros) for r in fixture.ledger.reservations(fixture.account)] == [
        ("open", 50 * UNIT)
    ]


def test_a_launch_repeated_creates_nothing_more(fixture: CampaignFixture) -> None:
    """A retry whose first answer was lost returns the same, without another call or another reservation."""
    assert fixture.launch() == fixture.launch()
    assert fixture.platform.calls == ["create_paused"]
    assert fixture.kinds("reserve", "claim", "resolve") == ["reserve", "claim", "resolve"]


def test_a_launch_that_is_made_again_later_forgets_nothing_that_we_wrote(fixture: CampaignFixture) -> None:
    """Somebody resets a campaign's workflow: what we have written since its creation is nobody else's doing."""
    fixture.running()
    fixture.settle(12)
    written = fixture.ledger.written_settings(fixture.campaign.name)
    fixture.launch()
    assert fixture.ledger.written_settings(fixture.campaign.name) == written
    assert (fixture.ledger.violations(RUN), fixture.ledger.fence(fixture.account)) == ((), 0)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_launch_that_died_at_its_call_is_taken_up(fixture: CampaignFixture, when: str) -> None:
    """Dead between claim and call, or between call and resolve: the retry reads back and creates exactly once."""
    getattr(fixture.platform, when)["create_paused"] = crash
    with pytest.raises(Crash):
        fixture.launch()
    assert (fixture.found() is None) == (when == "before")
    fixture.retrying()
    assert fixture.launch().launched
    assert fixture.platform.calls == ["create_paused"]
    assert fixture.ledger.unresolved_claims(fixture.account) == ()


def test_a_create_whose_answer_is_lost_is_not_repeated(fixture: CampaignFixture) -> None:
    """An unknown outcome leaves the claim open; the retry finds the campaign and makes no second one."""

    def lost() -> None:
        raise OutcomeUnknown("the connection broke")

    fixture.platform.after["create_paused"] = lost
    with pytest.raises(OutcomeUnknown):
        fixture.launch()
    assert [c.intent for c in fixture.ledger.unresolved_claims(fixture.account)] == ["create"]
    fixture.retrying()
    assert fixture.launch().launched
    assert fixture.platform.calls == ["create_paused"]
    # Not before the client of the first attempt has surely given up does the platform have the last word.
    assert fixture.waits == [CLIENT_TOTAL_SECONDS]


def test_a_launch_that_the_ledger_does_not_cover_creates_nothing(
    fixtures: Callable[..., CampaignFixture],
) -> None:
    """A worst case above the approved daily cap is refused by name, before any call."""
    fixture = fixtures(request={"daily_cap_micros": 50 * UNIT - 1})
    launched = fixture.launch()
    assert not launched.launched and "approved daily cap" in launched.reason
    assert (fixture.platform.calls, fixture.found()) == ([], None)


def test_a_launch_after_a_stop_creates_nothing(fixture: CampaignFixture) -> None:
    """A fence that was raised after the approval refuses the reservation."""
    fixture.stop()
    launched = fixture.launch()
    assert not launched.launched and "fence" in launched.reason
    assert (fixture.platform.calls, fixture.found()) == ([], None)


def test_a_stop_between_reservation_and_claim_creates_nothing(fixture: CampaignFixture) -> None:
    """The claim is made under the fence of the approval, so a stop in between refuses it."""
    reserve = fixture.ledger.reserve

    def reserve_then_stop(*arguments: object, **named: object) -> object:
        granted = reserve(*arguments, **named)  # type: ignore[arg-type]
        fixture.stop()
        return granted

    fixture.ledger.reserve = reserve_then_stop  # type: ignore[method-assign,assignment]
    launched = fixture.launch()
    assert not launched.launched and "a stop came between" in launched.reason
    assert (fixture.platform.calls, fixture.found()) == ([], None)


def test_a_campaign_that_the_platform_enabled_by_itself_is_paused(fixture: CampaignFixture) -> None:
    """Created enabled although asked for paused: it is paused at once, and the launch fails for good."""

    def enable() -> None:
        found = fixture.found()
        assert found is not None
        fixture.platform.real.enable(fixture.account, found.platform_id, fixture.at())

    fixture.platform.after["create_paused"] = enable
    with pytest.raises(PlatformError) as failure:
        fixture.launch()
    assert failure.value.permanent
    found = fixture.found()
    assert found is not None and not found.enabled


def test_forbidden_content_is_never_created(fixtures: Callable[..., CampaignFixture]) -> None:
    """Creatives are checked before anything is reserved, and the refusal names keyword and creative."""
    fixture = fixtures("safety.forbidden_keywords=['I T E M 0']")
    launched = fixture.launch()
    assert not launched.launched and "I T E M 0" in launched.reason and "item-000" in launched.reason
    assert (fixture.platform.calls, fixture.ledger.reservations(fixture.account)) == ([], ())


# ---------------------------------------------------------------- apply


def test_an_apply_writes_reads_back_and_enables(fixture: CampaignFixture) -> None:
    """Bids, shares, budget and lease are the decision's, and the lease ends with the day that is reserved."""
    assert fixture.launch().launched
    applied = fixture.apply()
    found = fixture.found()
    assert found is not None and found.enabled
    assert (set(found.bid_micros), found.daily_budget_micros) == ({5 * UNIT}, 25 * UNIT)
    assert {row[0] for row in found.creative_prob} == {0.5}
    assert found.end_at == fixture.at(24)
    (made,) = fixture.ledger.decisions(PHASE)
    assert (applied.applied, made.applied, made.near_miss, made.daily_budget_micros) == (True, True, False, 25 * UNIT)
    assert [r.worst_case_micros for r in fixture.ledger.reservations(fixture.account)] == [50 * UNIT]


def test_an_apply_repeated_writes_nothing_more(fixture: CampaignFixture) -> None:
    """A retry whose first answer was lost finds everything as it wants it, and answers the same."""
    assert fixture.launch().launched
    fixture.platform.calls.clear()
    decision = fixture.decide()
    first = fixture.apply(decision=decision)
    made = list(fixture.platform.calls)
    assert fixture.apply(decision=decision) == first
    assert fixture.platform.calls == made
    assert sorted(made) == sorted(set(made))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("verb", WRITES)
def test_an_apply_that_died_at_any_write_is_taken_up(fixture: CampaignFixture, verb: str, when: str) -> None:
    """Dead before or after any write, the retry makes what is missing and the platform sees each write once."""
    fixture.running()
    fixture.settle(24)  # a pause, so that the next day must enable again
    fixture.platform.calls.clear()
    decision = fixture.decide(bid=4 * UNIT)
    getattr(fixture.platform, when)[verb] = crash
    with pytest.raises(Crash):
        fixture.apply(1, decision)
    fixture.retrying()
    assert fixture.apply(1, decision).applied
    assert fixture.platform.calls == list(WRITES)
    found = fixture.found()
    assert found is not None and found.enabled and set(found.bid_micros) == {4 * UNIT}
    assert fixture.ledger.unresolved_claims(fixture.account) == ()


def test_a_raised_budget_is_reserved_before_it_is_written(fixtures: Callable[..., CampaignFixture]) -> None:
    """A budget within its ceiling raises the day's reservation; one above it halts, and nothing is written."""
    fixture = fixtures(request={"daily_cap_micros": 60 * UNIT})
    fixture.running()
    applied = fixture.apply(1, tick_hours=8, daily_budget_micros=30 * UNIT)  # later on the same day
    assert applied.applied
    assert [r.worst_case_micros for r in fixture.ledger.reservations(fixture.account)] == [60 * UNIT]
    assert fixture.platform.calls == ["set_budget"]
    refused = fixture.apply(2, tick_hours=8, daily_budget_micros=31 * UNIT)
    assert not refused.applied and "a raise needs a new request" in refused.halt
    made = sorted(fixture.ledger.decisions(PHASE), key=lambda each: each.tick)
    assert (made[-1].applied, made[-1].near_miss) == (False, True)
    assert fixture.platform.calls == ["set_budget"]


def test_a_stop_before_an_apply_halts_without_a_write(fixture: CampaignFixture) -> None:
    """The reservation is refused under the raised fence; the halt says why."""
    fixture.running()
    fixture.stop()
    blocked = fixture.apply(1)
    assert not blocked.applied and "fence" in blocked.halt
    assert fixture.platform.calls == []


def test_a_stop_between_reservation_and_claim_halts_without_a_write(fixture: CampaignFixture) -> None:
    """A fence raised while the platform is being read refuses the claim."""
    fixture.running()
    fixture.platform.before["read"] = fixture.stop
    blocked = fixture.apply(1)
    assert not blocked.applied and "a stop came between" in blocked.halt
    assert fixture.platform.calls == []


@pytest.mark.parametrize(("ticks", "hours"), [(1, 24), (25, 1)])
def test_the_day_of_a_cut_is_reserved_at_the_budget_before_it(fixture: CampaignFixture, ticks: int, hours: int) -> None:
    """The campaign enters its day with the old budget, by which the platform may bill the day, however late the cut."""
    fixture.running()
    assert fixture.apply(ticks, tick_hours=hours, daily_budget_micros=5 * UNIT, enabled=True).applied
    found = fixture.found()
    assert found is not None and found.daily_budget_micros == 5 * UNIT
    assert [day.worst_case_micros for day in fixture.ledger.reservations(fixture.account)] == [50 * UNIT, 50 * UNIT]
    assert fixture.apply(2, daily_budget_micros=5 * UNIT, enabled=True).applied
    assert fixture.ledger.reservations(fixture.account)[-1].worst_case_micros == 10 * UNIT


def test_what_a_cut_day_may_bill_is_refused_where_no_cap_has_room(fixture: CampaignFixture) -> None:
    """Nothing is written then: the lease is not renewed, and the platform bills nothing on the day."""
    fixture.running()
    account = fixture.ledger.account(fixture.account)
    fixture.ledger.put_account(account.model_copy(update={"daily_cap_micros": 49 * UNIT}))
    blocked = fixture.apply(1, daily_budget_micros=5 * UNIT, enabled=True)
    assert not blocked.applied and "account's daily cap" in blocked.halt
    found = fixture.found()
    assert fixture.platform.calls == [] and found is not None and found.end_at == fixture.at(24)


@pytest.mark.parametrize("verb", ["set_delivery", "set_end"])
def test_a_stop_while_settings_are_written_keeps_the_campaign_from_being_enabled(
    fixture: CampaignFixture, verb: str
) -> None:
    """A paused campaign whose settings were on their way when the fence rose is not enabled after."""
    fixture.running()
    fixture.settle(24)
    fixture.platform.calls.clear()
    fixture.platform.before[verb] = fixture.stop
    blocked = fixture.apply(1, fixture.decide(bid=4 * UNIT))
    found = fixture.found()
    assert not blocked.applied and "a stop came between" in blocked.halt
    assert found is not None and not found.enabled
    assert "enable" not in fixture.platform.calls


@pytest.mark.parametrize("verb", ["set_delivery", "set_end"])
def test_a_stop_while_settings_are_written_pauses_a_running_campaign(fixture: CampaignFixture, verb: str) -> None:
    """A campaign that was enabled the day before and touched while the fence rose is paused before the answer."""
    fixture.running()
    fixture.platform.before[verb] = fixture.stop
    blocked = fixture.apply(1, fixture.decide(bid=4 * UNIT))
    found = fixture.found()
    assert not blocked.applied and "stopped" in blocked.halt
    assert found is not None and not found.enabled
    assert fixture.platform.calls == ["set_delivery", "set_end", "pause"]


def test_a_stop_in_the_moment_of_enabling_pauses_at_once(fixture: CampaignFixture) -> None:
    """A fence raised between the claim and the call: what was just enabled is paused before the answer."""
    assert fixture.launch().launched
    fixture.platform.before["enable"] = fixture.stop
    blocked = fixture.apply()
    found = fixture.found()
    assert not blocked.applied and "stopped" in blocked.halt
    assert found is not None and not found.enabled
    assert fixture.platform.calls[-2:] == ["enable", "pause"]


def test_a_write_that_does_not_read_back_is_not_taken_for_done(fixture: CampaignFixture) -> None:
    """A platform that forgets an enable raises an unknown outcome instead of an applied decision."""
    assert fixture.launch().launched

    def forget() -> None:
        found = fixture.found()
        assert found is not None
        fixture.platform.real.pause(fixture.account, found.platform_id, fixture.at())

    fixture.platform.after["enable"] = forget
    with pytest.raises(OutcomeUnknown, match="does not read back"):
        fixture.apply()


HIGHEST_BID_MICROS = 200_000_000  # the account is in dollars


@pytest.mark.parametrize(("bid", "near_misses"), [(HIGHEST_BID_MICROS, 0), (HIGHEST_BID_MICROS + 1, 1), (2**60, 1)])
def test_a_bid_beyond_the_bound_is_clamped_and_counted(fixture: CampaignFixture, bid: int, near_misses: int) -> None:
    """The highest bid itself is no near miss; whatever lies above is written as the highest."""
    assert fixture.launch().launched
    applied = fixture.apply(decision=fixture.decide(bid))
    found = fixture.found()
    assert found is not None and set(found.bid_micros) == {HIGHEST_BID_MICROS}
    (made,) = fixture.ledger.decisions(PHASE)
    assert (applied.applied, made.near_miss) == (True, bool(near_misses))


def test_the_bound_of_a_bid_is_200_dollars_in_any_currency(fixture: CampaignFixture) -> None:
    """An account in yen bids up to 200 dollars' worth by its rate, and without a rate nothing is written."""
    assert fixture.launch().launched
    before = fixture.found()
    assert before is not None
    rate = DollarRate(units_per_dollar=150, day=fixture.at().date(), source="a bank")
    yen = fixture.ledger.account(fixture.account).model_copy(update={"currency": "JPY", "dollar_rate": rate})
    wanted = fixture.campaigns._wanted.by_decision(fixture.campaign, before, fixture.decide(2**60), yen)
    assert set(wanted.bid_micros) == {30_000_000_000}
    assert fixture.campaigns._wanted.clamped(fixture.decide(30_000_000_001), yen)
    assert not fixture.campaigns._wanted.clamped(fixture.decide(30_000_000_000), yen)
    unknown = yen.model_copy(update={"dollar_rate": None})
    with pytest.raises(NoDollarRate, match="has no rate to the dollar"):
        fixture.campaigns._wanted.by_decision(fixture.campaign, before, fixture.decide(), unknown)


def test_a_negative_bid_is_off(fixture: CampaignFixture) -> None:
    """A bid below zero is written as zero."""
    assert fixture.launch().launched
    assert fixture.apply(decision=fixture.decide(-5)).applied
    found = fixture.found()
    assert found is not None and set(found.bid_micros) == {0}


def test_a_platform_that_refuses_a_write_leaves_no_open_claim(fixture: CampaignFixture) -> None:
    """A permanent refusal is resolved as failed: a stop need not wait for it."""
    assert fixture.launch().launched

    def refuse() -> None:
        raise PlatformError("no such budget", permanent=True)

    fixture.platform.before["set_delivery"] = refuse
    with pytest.raises(PlatformError, match="no such budget"):
        fixture.apply()
    assert fixture.ledger.unresolved_claims(fixture.account) == ()


# ---------------------------------------------------------------- pause and settle


def test_a_pause_repeated_pauses_once_and_posts_once(fixture: CampaignFixture) -> None:
    """The second pause finds it paused; the spend is in the ledger once."""
    fixture.running()
    first = fixture.settle(24)
    posted = fixture.kinds("post", "claim")
    assert fixture.settle(24) == first
    assert fixture.platform.calls == ["pause"]
    assert fixture.kinds("post", "claim") == posted
    assert first.spend_micros == fixture.ledger.spent(fixture.campaign.context.run) > 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_pause_that_died_at_its_call_is_taken_up(fixture: CampaignFixture, when: str) -> None:
    """Dead before or after the call, the retry leaves the campaign paused, by one call in all."""
    fixture.running()
    getattr(fixture.platform, when)["pause"] = crash
    with pytest.raises(Crash):
        fixture.settle(24)
    fixture.settle(24)
    found = fixture.found()
    assert found is not None and not found.enabled
    assert fixture.platform.calls == ["pause"]


def test_a_pause_goes_through_under_a_raised_fence(fixture: CampaignFixture) -> None:
    """What can only lessen spend is never refused."""
    fixture.running()
    fixture.stop()
    fixture.settle(24)
    assert fixture.platform.calls == ["pause"]


def test_a_campaign_that_does_not_stay_paused_is_an_error(fixture: CampaignFixture) -> None:
    """A pause that does not read back as one raises, so that it is tried again."""
    found = fixture.running()
    fixture.platform.after["pause"] = lambda: fixture.platform.real.enable(
        fixture.account, found.platform_id, fixture.at(24)
    )
    with pytest.raises(PlatformError, match="still reads enabled"):
        fixture.settle(24)


def test_a_ledger_that_is_gone_does_not_keep_a_campaign_alive(fixture: CampaignFixture, tmp_path: Path) -> None:
    """The platform is paused first; only the writing down fails, by name."""
    fixture.running()
    place = next(tmp_path.glob("ledger-*.db"))
    fixture.settle(1)  # the account is known from here on
    assert fixture.apply(1).applied
    place.rename(place.with_suffix(".gone"))
    with pytest.raises(LedgerUnavailable):
        fixture.settle(36)
    found = fixture.found()
    assert found is not None and not found.enabled


def test_an_unreported_create_keeps_its_reservation(fixture: CampaignFixture) -> None:
    """While the outcome of a create is not known, settling frees nothing: the campaign may yet appear."""
    fixture.platform.before["create_paused"] = crash
    with pytest.raises(Crash):
        fixture.launch()
    assert not fixture.settle(24, final=True).final
    assert [r.state for r in fixture.ledger.reservations(fixture.account)] == ["open"]
    assert [v.kind for v in fixture.ledger.violations(RUN)] == ["campaign-unknown"]


def test_a_campaign_that_never_was_settles_at_nothing(fixture: CampaignFixture) -> None:
    """A create that surely failed gives its reservation back."""

    def refuse() -> None:
        raise PlatformError("the name is ugly", permanent=True)

    fixture.platform.before["create_paused"] = refuse
    with pytest.raises(PlatformError):
        fixture.launch()
    assert fixture.settle(24, final=True).final
    assert [(r.state, r.final_micros) for r in fixture.ledger.reservations(fixture.account)] == [("settled", 0)]
    assert not any(verb in MUTATING for verb in fixture.platform.calls)


def test_a_day_is_settled_when_its_cost_is_final_and_not_before(fixture: CampaignFixture) -> None:
    """The evening's report leaves the worst case booked; the final one closes the day at what was billed."""
    fixture.running()
    early = fixture.settle(24, final=True)
    assert not early.final
    (open_day,) = fixture.ledger.reservations(fixture.account)
    assert (open_day.state, open_day.counted_micros) == ("open", 50 * UNIT)
    late = fixture.settle(24 + 240, final=True)
    (closed,) = fixture.ledger.reservations(fixture.account)
    assert late.final and closed.state == "settled"
    assert closed.final_micros == closed.counted_micros == late.days[0].cost_micros > 0


def test_a_reserved_day_without_delivery_settles_at_nothing_once_its_books_are_closed(
    fixture: CampaignFixture,
) -> None:
    """A campaign that was launched and never enabled gives its day back, after the platform's own delay."""
    assert fixture.launch().launched
    assert not fixture.settle(24 + 71, final=True).final
    assert fixture.settle(24 + 73, final=True).final
    assert [(r.state, r.final_micros) for r in fixture.ledger.reservations(fixture.account)] == [("settled", 0)]
