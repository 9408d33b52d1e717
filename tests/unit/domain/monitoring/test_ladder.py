"""The ladder: one rung at a time, on growing evidence, never up by itself, and no cut by what is measured wrongly."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaelp.domain.monitoring.anomalies import Anomaly
from gaelp.domain.monitoring.ladder import (
    LadderStep,
    due_step,
    held_back,
    held_of_each,
    standing_in_words,
    stopped_from_outside,
    suspected_days,
)
from gaelp.domain.platform_records import CampaignState
from tests.support.ledgers import NOW, UNIT
from tests.support.planted_anomalies import CAMPAIGN, FIRST, SETTINGS, anomaly, on, undone, walked

STATE = CampaignState(
    platform_id="1", external_name=CAMPAIGN, account="acme", enabled=True, daily_budget_micros=25 * UNIT, end_at=NOW,
    bid_micros=(5 * UNIT, 6 * UNIT), creative_prob=((0.5, 0.5), (0.5, 0.5)), content_digest="d",
)  # fmt: skip


def growing(day: int, **changes: object) -> list[Anomaly]:
    """The CTR's fall, with more evidence each day."""
    return [anomaly(e_value=1e4 * 2.0**day, **changes)]


def test_growing_evidence_climbs_one_rung_at_a_time_and_a_pause_nobody_answers_becomes_a_stop() -> None:
    """Hold, a day later cut, two days later pause, seven days later stop; and nothing after a stop."""
    steps = walked([(day, growing(day)) for day in range(20)])
    assert [(each.step, (each.day - FIRST).days) for each in steps] == [
        ("hold", 0), ("cut", 1), ("pause", 3), ("stop", 10)
    ]  # fmt: skip
    assert "ctr went down" in steps[-1].reason and steps[-1].key == f"{CAMPAIGN}/step-4"


def test_the_same_evidence_takes_no_further_step() -> None:
    """A fall that is over leaves the evidence as it is, and the hold stands."""
    assert [each.step for each in walked([(day, [anomaly()]) for day in range(20)])] == ["hold"]


def test_a_note_changes_nothing_and_is_made_once() -> None:
    """A note-graded anomaly, and one that cannot cost money, never hold anything."""
    kinds = [anomaly(grade="note"), anomaly("cpa", "down")]
    steps = walked([(day, kinds) for day in range(10)])
    assert [each.step for each in steps] == ["note"] and held_back(steps) is None
    later = [*kinds, anomaly("spend", "down", "note")]
    assert [each.step for each in walked([(0, kinds), (1, later), (2, later)])] == ["note", "note"]


@pytest.mark.parametrize("metric", ["landing_page", "payment"])
def test_a_landing_page_or_a_payment_that_fails_pauses_at_once(metric: str) -> None:
    """No rung between makes sense where every click is wasted."""
    assert [each.step for each in walked([(0, [anomaly(metric, "up", kind="state")])])] == ["pause"]


def test_a_suspected_measurement_holds_every_change_and_never_cuts_on_cost_per_conversion() -> None:
    """A tag that falls silent makes the CPA soar; only what does not rest on conversions may cut meanwhile."""
    silent = anomaly("conversions_per_click", "down", "note", measurement=True, since=FIRST - timedelta(days=2))

    def day(number: int) -> list[Anomaly]:
        return [silent, anomaly("cpa", "up", e_value=10.0**number)]

    steps = walked([(number, day(number)) for number in range(20)])
    assert [each.step for each in steps] == ["hold"]
    held = held_back(steps)
    assert held is not None and held.frozen
    assert suspected_days(steps) == (FIRST - timedelta(days=2), FIRST + timedelta(days=7))
    wanted = STATE.model_copy(update={"bid_micros": (1, 99 * UNIT), "creative_prob": ((1.0, 0.0), (1.0, 0.0))})
    limited = held.limited(wanted, STATE)
    assert (limited.bid_micros, limited.creative_prob) == (STATE.bid_micros, STATE.creative_prob)
    spent_twice = [(number, [*day(number), anomaly("spend", "up", e_value=10.0**number)]) for number in range(4)]
    assert [each.step for each in walked(spent_twice)] == ["hold", "cut", "pause"]


def test_a_hold_lets_nothing_rise_and_lets_all_fall() -> None:
    """Budget and bids up to what they were when the step was taken."""
    held = held_back(walked([(0, growing(0))]))
    assert held is not None and not held.frozen and not held.paused
    wanted = STATE.model_copy(update={"daily_budget_micros": 30 * UNIT, "bid_micros": (1 * UNIT, 9 * UNIT)})
    limited = held.limited(wanted, STATE)
    assert (limited.daily_budget_micros, limited.bid_micros) == (25 * UNIT, (1 * UNIT, 6 * UNIT))


@pytest.mark.parametrize(("budget", "floor"), [(25 * UNIT, 2_500_000), (50_000, 10_000), (10_000, 10_000)])
def test_a_cut_leaves_a_tenth_and_never_less_than_can_be_paid(budget: int, floor: int) -> None:
    """A cent is the smallest budget in dollars, and a floor never lies above the budget before it."""
    first = walked([(0, growing(0))])
    cut = due_step(growing(1), first, on(1, SETTINGS.model_copy(update={"daily_budget_micros": budget})))
    assert cut is not None and cut.after.daily_budget_micros == floor


def test_what_a_person_has_undone_is_accepted_for_good_and_a_new_anomaly_is_not() -> None:
    """Undoing the cut leaves the hold; undoing all leaves nothing, until something else begins."""
    hold, cut = walked([(day, growing(day)) for day in range(2)])
    held = held_back((hold, undone(cut)))
    assert held is not None and held.daily_budget_micros == 25 * UNIT
    both = (undone(hold), undone(cut))
    assert held_back(both) is None and due_step(growing(9), both, on(9)) is None
    anew = due_step(growing(9, since=FIRST + timedelta(days=5)), both, on(9))
    assert anew is not None and (anew.step, anew.number) == ("hold", 3)


@pytest.mark.parametrize(("metric", "outside"), [("payment", True), ("landing_page", True), ("ctr", False)])
def test_a_stop_for_a_page_or_a_payment_is_no_doing_of_the_agent(metric: str, outside: bool) -> None:
    """A pause is none yet; a fall of the CTR that leads to a stop is the agent's."""
    failing = [anomaly(metric, "up", kind="state")] if outside else []
    steps = walked([(day, [*failing, *growing(day)]) for day in range(20)])
    assert steps[-1].step is LadderStep.STOP and stopped_from_outside(steps) is outside
    assert not stopped_from_outside(steps[:-1])


def test_one_look_a_day_takes_one_step() -> None:
    """A look that is repeated on its day takes none, whatever it sees."""
    steps = walked([(0, growing(0)), (0, growing(9)), (0, [anomaly("payment", "up", kind="state")])])
    assert [each.step for each in steps] == ["hold"]


def test_each_campaign_is_held_by_its_own_steps() -> None:
    """A step of one campaign says nothing of another."""
    mine = walked([(0, growing(0))])
    other = tuple(each.model_copy(update={"campaign": "run-a/live-test/campaign-01"}) for each in mine)
    assert set(held_of_each((*mine, *other))) == {CAMPAIGN, "run-a/live-test/campaign-01"}
    assert set(held_of_each((*map(undone, mine), *other))) == {"run-a/live-test/campaign-01"}


_some = st.builds(
    anomaly,
    st.sampled_from(["ctr", "cpa", "spend", "payment", "claimed_over_orders"]),
    st.sampled_from(["up", "down"]),
    st.sampled_from(["note", "act"]),
    e_value=st.floats(1, 1e308),
    measurement=st.booleans(),
)


@given(st.lists(st.lists(_some, max_size=3), max_size=12))
def test_no_series_of_anomalies_raises_anything(days: list[list[Anomaly]]) -> None:
    """Without a person, what a campaign is left only ever shrinks."""
    lowest = SETTINGS.daily_budget_micros
    for number in range(len(days) + 1):
        held = held_back(walked(list(enumerate(days[:number]))))
        left = SETTINGS.daily_budget_micros if held is None else held.daily_budget_micros
        assert left <= lowest
        lowest = left


def test_what_stands_is_said_with_its_reason_and_its_undo() -> None:
    """One sentence for each campaign that is held back, of its strictest step; a note and an undone one say nothing."""
    hold, cut = walked([(day, growing(day)) for day in range(2)])
    (sentence,) = standing_in_words((hold, cut))
    assert sentence.startswith(f"monitoring has cut the budget of {CAMPAIGN} since 2026-01-11: ctr went down; ")
    assert f"undo run-a {cut.key} --reason" in sentence
    assert standing_in_words((hold, undone(cut)))[0].startswith("monitoring allows no raise of")
    assert standing_in_words((undone(hold), *walked([(0, [anomaly(grade="note")])]))) == ()
    assert standing_in_words(walked([(day, growing(day)) for day in range(20)])) == (), "a stopped one is not undone"


def test_a_step_is_a_word_of_the_ladder() -> None:
    """The order of the words is the order of the rungs."""
    assert list(LadderStep) == ["note", "hold", "cut", "pause", "stop"]
