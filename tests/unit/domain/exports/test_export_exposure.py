"""What an export's campaigns may be billed; every figure is worked by hand in its comment."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gaelp.domain.billing.lawful_bills import Window, lawful_bill, month_course
from gaelp.domain.exports.account_export import AccountExport, CampaignDay, with_budget
from gaelp.domain.exports.export_exposure import NotLookedAt, exported_campaigns

UNIT = 1_000_000
TODAY = date(2026, 9, 15)  # a Tuesday


def row(day: int, budget: int | None = 50, campaign: str = "Search", **more: str) -> CampaignDay:
    """A day of September that was billed 40."""
    micros = None if budget is None else budget * UNIT
    return CampaignDay(campaign, date(2026, 9, day), 100, 10, "EUR", 40 * UNIT, budget_micros=micros, **more)


def export(*rows: CampaignDay, platform: str | None = "google-ads", **missing: tuple[str, ...]) -> AccountExport:
    return AccountExport(platform, "EUR", rows, columns={}, missing=missing)


FULL = [row(day) for day in range(1, 15)]


def unedited(of: AccountExport, window: Window = Window.MONTH) -> float:
    (campaign,) = exported_campaigns(of, TODAY).running
    return lawful_bill(campaign, window, TODAY, "EUR").unedited_micros / UNIT


def test_a_month_that_the_file_covers() -> None:
    """14 days of 40 are 560; the month ends at 30.4 x 50 = 1,520; edited it is 560 + 16 days of 100 = 2,160."""
    (campaign,) = exported_campaigns(export(*FULL), TODAY).running
    bill = lawful_bill(campaign, Window.MONTH, TODAY, "EUR")
    assert (bill.unedited_micros, bill.edited_micros) == (1_520 * UNIT, 2_160 * UNIT)
    assert unedited(export(*FULL), Window.WEEK) == 40 + 6 * 100  # Monday was billed 40; 960 of the month are left


def test_days_that_the_file_does_not_reach_count_at_their_worst() -> None:
    """It begins on the 10th: nine days of 100 and five of 40 are 1,100; edited another 16 of 100, 2,700."""
    found = exported_campaigns(export(*FULL[9:]), TODAY)
    bill = lawful_bill(found.running[0], Window.MONTH, TODAY, "EUR")
    assert bill.edited_micros == 2_700 * UNIT
    assert "lacks 9 of the days before 2026-09-15 that matter, 2026-09-01 to 2026-09-09" in found.assumptions[0]


def test_more_billed_than_the_budget_allows_leaves_no_limit_of_the_month() -> None:
    """14 days of 40 are 560, and 30.4 x 15 only 456: the budget was changed, nobody knows when. 560 + 16 x 30 = 1,040.

    On Meta 80 were billed in the week from Sunday 13th, and 7 x 11 are 77: 560 and 16 days of 19.25, but that the full
    week of the 20th has its own limit of 77, and so has that of the 27th: 560 + 5 x 19.25 + 77 + 77.
    """
    low = export(*(row(day, 15) for day in range(1, 15)))
    assert unedited(low) == 1_040
    assert "No limit of a week or month is taken" in exported_campaigns(low, TODAY).assumptions[-1]
    assert unedited(export(*(row(day, 11) for day in range(1, 15)), platform="meta")) == 810.25
    assert len(exported_campaigns(export(*FULL), TODAY).assumptions) == 1


def test_a_day_within_the_file_without_a_row_was_not_billed() -> None:
    """An export has no row of a day without an impression: 13 days of 40 and 16 of 100."""
    (campaign,) = exported_campaigns(export(*FULL[:5], *FULL[6:]), TODAY).running
    assert lawful_bill(campaign, Window.MONTH, TODAY, "EUR").edited_micros == (13 * 40 + 16 * 100) * UNIT


def test_a_change_of_the_budget_that_the_file_shows_ends_the_limit_of_the_month() -> None:
    """30 until the 9th, 50 from the 10th: 21 days left with that one allow 1,050, of which the 11th to 14th used 160.

    What the 10th billed may have come before the change. So 560 so far and 890 more: 1,450, and not 1,520.
    """
    changed = export(*(row(day, 30 if day < 10 else 50) for day in range(1, 15)))
    assert unedited(changed) == 1_450
    raised_late = export(*(row(day, 30 if day < 14 else 50) for day in range(1, 15)))
    assert unedited(raised_late) == 560 + 17 * 50  # more than 30.4 x 30, less than 30.4 x 50


def test_a_change_on_meta_leaves_no_limit_of_that_week() -> None:
    """Meta's week from Sunday 13th has a change on Monday: its five days left may bill 87.50 each, 437.50 in all.

    The week of the 20th may bill 350 again, and of that of the 27th four days 350: 560 + 437.5 + 350 + 350.
    """
    changed = export(*(row(day, 30 if day < 14 else 50) for day in range(1, 15)), platform="meta")
    assert unedited(changed) == 1_697.5


def test_the_course_of_the_month_ends_where_the_bills_say() -> None:
    """Its last day is the month's bill, its day before today what was billed: 560."""
    (campaign,) = exported_campaigns(export(*FULL), TODAY).running
    course = month_course([campaign], TODAY)
    assert (course[13].unedited_micros, course[13].edited_micros, course[13].expected_micros) == (560 * UNIT,) * 3
    assert (course[-1].unedited_micros, course[-1].edited_micros) == (1_520 * UNIT, 2_160 * UNIT)
    assert course[-1].expected_micros == (560 + 16 * 50) * UNIT
    assert len(course) == 30


def test_a_campaign_without_a_known_budget_is_not_looked_at_and_said() -> None:
    """A blank budget and one of a campaign's whole life are named with their reason, and never guessed."""
    life = row(14, campaign="Life", budget_type="Laufzeit")
    found = exported_campaigns(export(*FULL, row(14, None, "Blank"), life), TODAY)
    assert [each.campaign for each in found.running] == ["Search"]
    assert found.not_looked_at[0].startswith("Blank: its budget is blank on every day: say its budget of a day")
    assert "of type 'Laufzeit' and of no day" in found.not_looked_at[1]


def test_without_a_budget_column_the_budget_is_asked_for() -> None:
    """The refusal names the column to tick and the option; a budget that somebody says is taken."""
    bare = export(*(replace(each, budget_micros=None) for each in FULL), budget=("budget", "daily budget"))
    with pytest.raises(NotLookedAt, match=r"no column budget \(a header like daily budget\).*--budget 'Search=50'"):
        exported_campaigns(bare, TODAY)
    assert unedited(with_budget(bare, "Search", 50 * UNIT)) == 1_520


def test_a_paused_campaign_may_be_billed_nothing_and_an_unknown_state_counts_as_running() -> None:
    """Only a state that surely means a stop is left out; without the column every campaign counts, and it is said."""
    found = exported_campaigns(export(*FULL, row(14, campaign="Old", status="Pausiert")), TODAY)
    assert (found.stopped, [each.campaign for each in found.running]) == (("Old",), ["Search"])
    for word in ("Eligible (limited)", "not_delivering"):
        assert len(exported_campaigns(export(row(14, status=word)), TODAY).running) == 1
    unknown = exported_campaigns(export(*FULL, status=("status", "campaign status")), TODAY)
    assert any("every campaign counts as running" in each for each in unknown.assumptions)


def test_rows_that_cannot_be_read_are_not_looked_at_and_said() -> None:
    """What they were billed comes on top, and where nothing else runs there is no figure."""
    found = exported_campaigns(replace(export(*FULL), rejected=2), TODAY)
    assert found.not_looked_at[0].startswith("2 rows of the file: they cannot be read or repeat another row")
    with pytest.raises(NotLookedAt, match="2 rows of the file"):
        exported_campaigns(replace(export(row(14, status="Paused")), rejected=2), TODAY)


def test_what_paused_campaigns_were_billed_this_month_is_told_apart() -> None:
    """40 on the 13th and on the 14th are 80; August is another month."""
    old = [row(day, campaign="Old", status="Paused") for day in (13, 14)]
    august = replace(old[0], day=date(2026, 8, 31))
    assert exported_campaigns(export(*FULL, august, *old), TODAY).stopped_micros == 80 * UNIT


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (export(*FULL, platform=None), "--platform"),
        (export(*FULL, platform="microsoft"), "not bounded"),
        (replace(export(*FULL), currency=""), "--currency"),
        (export(*FULL, cost=("cost", "spend")), "what was billed is not known"),
    ],
)
def test_what_would_have_to_be_guessed_is_asked_for(broken: AccountExport, says: str) -> None:
    """A platform without a rule, an unknown currency and an unknown bill give no figure."""
    with pytest.raises(NotLookedAt, match=says):
        exported_campaigns(broken, TODAY)
