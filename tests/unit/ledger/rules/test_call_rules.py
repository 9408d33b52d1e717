"""The rule that keeps calls within a platform's quota, over any sequence of asking, giving back and pausing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gaelp.domain.ad_accounts import CallQuota
from gaelp.ledger.rules.call_rules import BURST, MOST_CALLS, SUSTAINED, booked_until, wait_for_calls

NOW = datetime(2026, 11, 26, tzinfo=UTC)
QUOTAS = st.builds(CallQuota, calls=st.integers(60, 20_000), seconds=st.sampled_from([1, 60, 86_400]))


@settings(deadline=None, max_examples=50)
@given(QUOTAS, st.lists(st.tuples(st.floats(0, 0.3), st.integers(1, MOST_CALLS)), min_size=40, max_size=120))
def test_no_span_has_more_calls_than_the_quota_leaves_to_them(quota: CallQuota, asks: list[tuple[float, int]]) -> None:
    """Whoever asks at whatever moments, and calls less than it may: no span of the quota sees more than its share."""
    now, booked, made = NOW, NOW, []
    for gap, called in asks * 4:
        now += timedelta(seconds=gap * quota.seconds / 20)
        while not wait_for_calls(booked, quota, now):
            booked = booked_until(booked, quota, MOST_CALLS, now)
            booked = booked_until(booked, quota, called - MOST_CALLS, now)
            made.append((now, called))
            if len(made) > 5000:
                break
    share = SUSTAINED * quota.calls + max(BURST * quota.calls, MOST_CALLS)
    span = timedelta(seconds=quota.seconds)
    first, within = 0, 0
    for at, called in made:
        within += called
        while made[first][0] <= at - span:
            within -= made[first][1]
            first += 1
        assert within <= share + 0.001
    assert share <= 0.89 * quota.calls


@settings(deadline=None)
@given(QUOTAS)
def test_whoever_waits_as_long_as_it_is_told_may_call(quota: CallQuota) -> None:
    """The wait is long enough, and not a hundredth of it longer than needed."""
    booked = booked_until(NOW, quota, quota.calls, NOW)
    wait = wait_for_calls(booked, quota, NOW)
    assert wait > timedelta(0)
    assert not wait_for_calls(booked, quota, NOW + wait)
    assert wait_for_calls(booked, quota, NOW + 0.99 * wait)


def test_calls_that_did_not_ask_make_the_others_wait() -> None:
    """Pauses are counted: after as many as the quota, the next activity waits for most of its span."""
    quota = CallQuota(calls=600, seconds=60)
    assert not wait_for_calls(NOW, quota, NOW)
    assert wait_for_calls(booked_until(NOW, quota, 600, NOW), quota, NOW) > timedelta(seconds=45)


def test_what_was_given_back_is_free_again() -> None:
    """An activity that booked eight calls and made two leaves room as if it had booked two."""
    quota = CallQuota(calls=600, seconds=60)
    booked = booked_until(booked_until(NOW, quota, MOST_CALLS, NOW), quota, 2 - MOST_CALLS, NOW)
    assert booked == booked_until(NOW, quota, 2, NOW)


@pytest.mark.parametrize("calls", [1, 2, MOST_CALLS])
def test_time_without_calls_earns_no_room_beyond_the_burst(calls: int) -> None:
    """Calls after an idle hour, one alone too, are booked from the moment at which they are made."""
    quota = CallQuota(calls=800, seconds=60)  # 0.1 s a call at the sustained rate
    idle = NOW - timedelta(hours=1)
    assert booked_until(idle, quota, calls, NOW) == NOW + timedelta(seconds=calls * 0.1)


@pytest.mark.parametrize("given_back", [0, 1, 6])
def test_giving_back_never_moves_what_is_booked_forward(given_back: int) -> None:
    """Who gives calls back by a clock that is ahead of the others' takes no room from them."""
    quota = CallQuota(calls=600, seconds=60)
    booked = NOW - timedelta(minutes=1)
    freed = timedelta(seconds=given_back * 60 / (SUSTAINED * 600))
    assert booked_until(booked, quota, -given_back, NOW) == booked - freed


@pytest.mark.parametrize("seconds", [1, 60, 86_400])
def test_a_burst_is_its_share_of_the_quota(seconds: int) -> None:
    """At one instant after an idle span as many activities may go as their calls fit into the burst."""
    quota = CallQuota(calls=6400, seconds=seconds)
    booked, made = NOW, 0
    while not wait_for_calls(booked, quota, NOW) and made < quota.calls:
        booked, made = booked_until(booked, quota, MOST_CALLS, NOW), made + MOST_CALLS
    assert BURST * quota.calls - MOST_CALLS <= made <= BURST * quota.calls


@pytest.mark.parametrize(("calls", "seconds"), [(59, 60), (600, 0), (600, 86_401)])
def test_a_quota_without_room_for_an_activity_is_refused(calls: int, seconds: int) -> None:
    """Fewer than sixty calls, no time and more than a day are no quota."""
    with pytest.raises(ValidationError):
        CallQuota(calls=calls, seconds=seconds)
