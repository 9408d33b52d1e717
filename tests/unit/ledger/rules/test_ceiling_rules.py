"""What a signature allows: a campaign of the list, with what was signed, within its ceilings, to the micro."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gaelp.domain.billing.billing_rules import exposure_line
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign
from gaelp.domain.spending.campaign_records import Arm
from gaelp.ledger.rules.ceiling_rules import judge_ceilings, judge_start
from gaelp.ledger.rules.ruling import GRANTED, Ruling
from tests.support.ledgers import DAY, UNIT, booking, request, reservation

SIGNED = ApprovedCampaign(
    ceiling=exposure_line("run-a/live-test/campaign-00", "emulator", 25 * UNIT, 3, "USD"),
    agent="linear-thompson",
    product="product-a",
    arm=Arm.CANDIDATE,
    content_digest="b" * 64,
    first_day=DAY,
    last_day=DAY + timedelta(days=5),
)


def judge(worst: int = 50, other_days: int = 0, signed: ApprovedCampaign | None = SIGNED, **of: object) -> Ruling:
    return judge_ceilings(booking(worst, **of), signed, request(), other_days, "USD")  # type: ignore[arg-type]


def test_a_signed_campaign_within_its_ceilings_is_granted() -> None:
    """At the worst day of its highest budget, on its last day, as its last day."""
    assert judge(50, 2, day=DAY + timedelta(days=5)) == GRANTED


@pytest.mark.parametrize(("offset", "granted"), [(-1, False), (0, True), (5, True), (6, False)])
def test_the_first_and_the_last_signed_day_are_signed(offset: int, granted: bool) -> None:
    """The day before and the day after need a new request."""
    ruling = judge(50, 2, day=DAY + timedelta(days=offset))
    assert ruling.granted is granted and ("another day needs a new request" in ruling.reason) is not granted


def test_a_campaign_that_is_not_on_the_list_is_refused() -> None:
    """Whatever it is called: only what was signed may spend."""
    assert judge(signed=None).reason == (
        "approval run-a/live-test#1 lists no campaign run-a/live-test/campaign-00: it needs a new request"
    )


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("agent", "fixed-bid", "another agent"),
        ("arm", "control", "another arm"),
        ("checkpoint_digest", "0" * 64, "another checkpoint"),
        ("config_digest", "0" * 64, "another configuration"),
        ("market_digest", "0" * 64, "another market"),
        ("content_digest", "0" * 64, "another content"),
    ],
)
def test_what_was_signed_is_what_must_ask(name: str, value: str, words: str) -> None:
    """Another agent, arm, checkpoint, configuration, market or content is refused by name."""
    ruling = judge(**{name: value})
    assert not ruling.granted and f"signed for campaign run-a/live-test/campaign-00 with {words}: it" in ruling.reason


def test_everything_that_differs_is_named() -> None:
    """One sentence for all of it."""
    assert "another agent and checkpoint:" in judge(agent="x", checkpoint_digest="x").reason


def test_a_raise_beyond_the_ceiling_needs_a_new_request() -> None:
    """One micro above the worst day of the highest budget that was signed."""
    ruling = judge(0, worst_case_micros=50 * UNIT + 1)
    assert not ruling.granted
    assert ruling.reason.startswith("50.000001 USD was asked for") and ruling.reason.endswith(
        "lets the campaign be billed at most 50.00 USD on a day: a raise needs a new request"
    )


@pytest.mark.parametrize("offset", [-1, 6])
def test_no_day_outside_the_signed_ones_is_granted(offset: int) -> None:
    """Neither before the first day nor after the latest end."""
    ruling = judge(day=DAY + timedelta(days=offset))
    assert not ruling.granted and "from 2026-11-22 to 2026-11-27: another day needs a new request" in ruling.reason


def test_no_day_more_than_was_signed_is_granted() -> None:
    """Three other days of three are taken."""
    ruling = judge(day=DAY + timedelta(days=4), other_days=3)
    assert not ruling.granted and "one day more than the 3 of approval" in ruling.reason


class TestStart:
    """The days of a campaign are counted from the day on which it has begun, whoever asks."""

    @pytest.mark.parametrize(
        ("index", "other", "granted"),
        [
            (3, None, True),  # the first day that is asked for says when it began
            (3, 0, True),
            (4, 0, False),  # a day further: it would be in a later period
            (2, 0, False),
            (4, None, False),  # nobody signed a campaign that begins before the first signed day
        ],
    )
    def test_another_start_is_refused(self, index: int, other: int | None, granted: bool) -> None:
        """The day is three after the first signed one; `other` is the number of the campaign's first day, if any."""
        day = DAY + timedelta(days=3)
        asked = booking(1, day=day, key=f"c/day-{index:03d}")
        known = None if other is None else reservation(key=f"c/day-{other:03d}", day=DAY)
        ruling = judge_start(asked, known, SIGNED)
        assert ruling.granted is granted
        assert granted or "count its days from there" in ruling.reason


@pytest.mark.parametrize("key", ["elsewhere", "c/day-", "c/day--1", "c/day-9999999", "/day-001", "c/day-1e3"])
def test_a_key_that_names_no_day_is_refused(key: str) -> None:
    """Whoever starts an activity by hand writes the key: it gets a ruling, and the ledger no exception."""
    ruling = judge_start(booking(1, key=key), None, SIGNED)
    assert not ruling.granted and "is no key of a campaign's day" in ruling.reason
