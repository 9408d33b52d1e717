"""What reads otherwise than we wrote it, and which differences may let more be billed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gaelp.domain.platform_records import CampaignState
from gaelp.domain.spending.outside_changes import LONGEST_VALUE, days_that_may_bill, outside_changes
from tests.support.ledgers import NOW, UNIT

WROTE = CampaignState(
    platform_id="7", external_name="run-a/live-test/campaign-00", account="acme", enabled=False,
    daily_budget_micros=25 * UNIT, end_at=NOW, bid_micros=(UNIT, 0), creative_prob=((0.5, 0.5), (1.0, 0.0)),
    content_digest="a" * 64,
)  # fmt: skip


def _reads(**changes: Any) -> CampaignState:
    return WROTE.model_copy(update=changes)


def test_what_reads_as_it_was_written_is_no_change() -> None:
    """Whether it was confirmed or is only being written."""
    begun = _reads(enabled=True, daily_budget_micros=30 * UNIT)
    assert outside_changes((WROTE,), WROTE, "USD") == ()
    for read in (WROTE, begun, _reads(enabled=True), _reads(daily_budget_micros=30 * UNIT)):
        assert outside_changes((WROTE, begun), read, "USD") == ()


@pytest.mark.parametrize(
    ("changes", "raises", "words"),
    [
        ({"enabled": True}, True, "enabled: we wrote paused, and the platform reads enabled"),
        ({"daily_budget_micros": 25 * UNIT + 1}, True, "we wrote 25.00 USD, and the platform reads 25.000001 USD"),
        ({"daily_budget_micros": 25 * UNIT - 1}, False, "reads 24.999999 USD"),
        ({"end_at": NOW + timedelta(seconds=1)}, True, "end: we wrote 2026-11-22T12:00:00+00:00"),
        ({"end_at": NOW - timedelta(seconds=1)}, False, "reads 2026-11-22T11:59:59+00:00"),
        ({"bid_micros": (UNIT, 1)}, False, "bids: we wrote (1000000, 0), and the platform reads (1000000, 1)"),
        ({"creative_prob": ((1.0, 0.0), (1.0, 0.0))}, False, "creative shares: we wrote ((0.5, 0.5)"),
        ({"platform_id": "8"}, True, "platform id: we wrote 7, and the platform reads 8"),
        ({"content_digest": "b" * 64}, True, f"content: we wrote {'a' * 64}, and the platform reads {'b' * 64}"),
        ({"external_name": "spring sale"}, False, "name: we wrote run-a/live-test/campaign-00"),
    ],
)  # fmt: skip
def test_each_setting_is_compared_and_its_direction_told(changes: dict[str, Any], raises: bool, words: str) -> None:
    """More may be billed by an enable, a higher budget, a later end and another campaign in its place, to the micro;

    other texts are nobody's to bill.
    """
    (change,) = outside_changes((WROTE,), _reads(**changes), "USD")
    assert (change.raises, change.lowers) == (raises, False) and words in change.sentence


def test_only_a_pause_lowers() -> None:
    """It may be a stop of ours."""
    (change,) = outside_changes((_reads(enabled=True),), WROTE, "USD")
    assert (change.raises, change.lowers) == (False, True)


def test_a_budget_is_judged_by_the_highest_that_we_wrote() -> None:
    """A budget between what was confirmed and what is being written is a change, and raises nothing."""
    begun = _reads(daily_budget_micros=30 * UNIT)
    (change,) = outside_changes((WROTE, begun), _reads(daily_budget_micros=28 * UNIT), "USD")
    assert not change.raises


def test_a_long_value_is_cut() -> None:
    """A sentence stays one for people."""
    (change,) = outside_changes((WROTE,), _reads(bid_micros=(UNIT,) * 500), "USD")
    assert len(change.sentence) < 2 * LONGEST_VALUE and change.sentence.endswith("…")


@pytest.mark.parametrize("too_long", [0, 1])
def test_a_value_that_just_fits_is_shown_whole(too_long: int) -> None:
    """Of one character more, the last one is left out and the sentence says so."""
    name = "x" * (LONGEST_VALUE + too_long)
    (change,) = outside_changes((WROTE,), _reads(external_name=name), "USD")
    assert change.sentence.endswith("x" * LONGEST_VALUE + "…" if too_long else " " + "x" * LONGEST_VALUE)


def test_the_days_that_a_change_may_bill_are_today_and_the_last_reserved_one() -> None:
    """Before today is reserved nobody has looked since the last reserved day; a day to come is billed nothing yet."""
    day, before, long_ago, tomorrow = NOW.date(), *(NOW.date() + timedelta(days=d) for d in (-2, -9, 1))
    assert days_that_may_bill([], day) == (day,)
    assert days_that_may_bill([long_ago, before, tomorrow], day) == (before, day)
    assert days_that_may_bill([before, day], day) == (day,)
