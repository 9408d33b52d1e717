"""Each finding of an audit on an account made for it, and the account beside it that has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from gaelp.domain.exports.findings import AuditQuestion, Finding, FindingKind, FindingPlace, OwnOrder
from gaelp.evidence.exports.account_audit import audit
from tests.support.made_exports import EURO, FIRST, days, of_part, question


def _found(asked: AuditQuestion) -> dict[FindingKind, Finding]:
    return {each.kind: each for each in audit(asked).findings}


def _steady(number: int) -> int:
    """4 to 6 conversions a day, so that counts are neither all even nor all alike."""
    return (5, 4, 6, 5, 5, 6, 4)[number % 7]


def test_a_steady_account_has_no_finding() -> None:
    """Nothing stands out where nothing changes, and what could not be looked for says why."""
    answer = audit(question(days(84, _steady)))
    assert not answer.findings
    because = {each.kind: each.because for each in answer.not_looked}
    assert because[FindingKind.WASTED].endswith("the account's own cost per conversion is 10.00")
    assert because[FindingKind.OVERBILLED] == "the export has no column budget (a header like budget)"
    assert because[FindingKind.CLAIMED] == "no orders were given: --orders FILE"


def test_a_platform_without_a_limit_asks_for_no_budget_column() -> None:
    """No bill of Microsoft's is held against a limit, and a budget column would be added in vain."""
    asked = question(days(84, _steady))
    asked = replace(asked, export=replace(asked.export, platform="microsoft"))
    because = {each.kind: each.because for each in audit(asked).not_looked}
    assert "states no limit of a day" in because[FindingKind.OVERBILLED]
    assert because[FindingKind.EDITED] == because[FindingKind.OVERBILLED]


@pytest.mark.parametrize(("target", "wasted"), [(8 * EURO, True), (9 * EURO, False), (10 * EURO, False)])
def test_spend_is_wasted_where_the_upper_bound_of_its_worth_is_below_it(target: int, wasted: bool) -> None:
    """420 conversions for 4,200 euros: at 8 each they are worth 3,360, and by the upper bound, 472.9, 3,783."""
    asked = replace(question(days(84, _steady)), target_cpa_micros=target)
    finding = _found(asked).get(FindingKind.WASTED)
    assert (finding is not None) == wasted
    if finding:
        assert finding.figure.value == 3360 and finding.figure.high == pytest.approx(8 * 472.93, abs=0.1)
        assert finding.stake_micros == 840 * EURO


@pytest.mark.parametrize(
    ("currency", "sentence"),
    [
        ("EUR", "4,200.00 bought 420 conversions; at a target of 8.00 each they are worth 3,360.00"),
        ("JPY", "4,200 bought 420 conversions; at a target of 8 each they are worth 3,360"),
        ("KWD", "4,200.000 bought 420 conversions; at a target of 8.000 each they are worth 3,360.000"),
    ],
)
def test_amounts_in_a_sentence_have_their_currency_s_decimals(currency: str, sentence: str) -> None:
    """A yen has no hundredth and a Kuwaiti dinar has thousandths; the figure says that it is an amount."""
    asked = replace(question(days(84, _steady)), target_cpa_micros=8 * EURO)
    asked = replace(asked, export=replace(asked.export, currency=currency))
    finding = _found(asked)[FindingKind.WASTED]
    assert finding.reason.startswith(f"{sentence}, and ") and finding.figure.amount


def test_a_search_term_is_named_and_not_its_campaign() -> None:
    """A poor term among good ones is the finding; it is the finest part that the export tells."""
    good = of_part(days(84, _steady), "search_term", "lamps")
    poor = of_part(days(84, lambda number: 0, clicks=20, cost=60), "search_term", "lamp repair")
    asked = replace(question([*good, *poor], "search_term"), target_cpa_micros=20 * EURO)
    assert _found(asked)[FindingKind.WASTED].place == FindingPlace("a", "search_term", "lamp repair")


@pytest.mark.parametrize(
    ("silent_days", "times", "found"), [(2, 1, False), (2, 10, False), (3, 1, True), (3, 0.5, False)]
)
def test_a_tag_fell_silent_where_so_many_conversions_are_missing(silent_days: int, times: float, found: bool) -> None:
    """Three days without any of some 15 conversions are silence: e^-15 times 84 days is below 0.7 %, e^-7 is not.

    Two days may be a weekend, however many conversions are missing.
    """
    silent = range(40, 40 + silent_days)
    findings = _found(question(days(84, lambda number: 0 if number in silent else int(times * _steady(number)))))
    assert (FindingKind.SILENT in findings) == found
    assert not set(findings) - {FindingKind.SILENT}


def test_a_tag_that_is_silent_to_the_last_day_is_found_although_these_days_are_young() -> None:
    """A day of three days' age or more has a fifth of its conversions at the least; 12 days have 10 of 50."""
    findings = _found(question(days(84, lambda number: 0 if number > 66 else 2 * _steady(number)), young_days=14))
    assert FindingKind.SILENT in findings


def test_silence_of_all_campaigns_is_told_once() -> None:
    """One tag serves all campaigns, so that its silence is one finding."""
    rows = [
        row
        for campaign in ("a", "b")
        for row in days(84, lambda number: 0 if 40 <= number < 46 else _steady(number), campaign=campaign)
    ]
    answer = audit(question(rows))
    assert [each.place for each in answer.findings] == [FindingPlace()]


@pytest.mark.parametrize(("after", "kind"), [(2, FindingKind.BROKE), (5, None)])
def test_a_rate_that_broke_is_found_with_its_day(after: int, kind: FindingKind | None) -> None:
    """Two conversions a day instead of five from the 43rd day on; nothing where the rate stays."""
    finding = _found(question(days(84, lambda number: after if number >= 42 else _steady(number))))
    assert set(finding) == ({kind} if kind else set())
    if kind:
        assert finding[kind].figure.what.startswith(f"conversions per click from {FIRST + timedelta(days=42)} on")
        assert finding[kind].figure.value == pytest.approx(0.4)
        assert finding[kind].stake_micros == pytest.approx((210 - 84) * 10 * EURO)


@pytest.mark.parametrize(("odd", "kind"), [(0, FindingKind.TWICE), (1, FindingKind.BROKE)])
def test_a_tag_fires_twice_where_every_count_is_even_from_then_on(odd: int, kind: FindingKind) -> None:
    """Twice the conversions, each day an even number: two of each. With odd numbers it is another rate."""
    findings = _found(question(days(84, lambda number: 2 * _steady(number) + odd if number >= 42 else _steady(number))))
    assert set(findings) == {kind}


def test_young_days_do_not_break_a_rate() -> None:
    """Conversions that are still to come are no change: the last 14 days are left out."""
    rows = days(84, lambda number: 1 if number >= 70 else _steady(number))
    assert not audit(question(rows, young_days=14)).findings
    assert FindingKind.BROKE in _found(question(rows))


def test_an_average_that_the_mix_turned_around_is_found() -> None:
    """Both campaigns convert less, and their average more: the better one grew. Six weeks against six weeks.

    The good one has 10 % and then 8 % of its clicks, 100 and then 400 a day; the other one 4 % and then 3.2 % of 400
    and then 100. All in all that is (10+16)/500 = 5.2 % and then (32+3.2)/500 = 7.04 %.
    """
    good = (
        days(42, lambda number: 10, campaign="good", clicks=100)
        + days(84, lambda number: 32, campaign="good", clicks=400)[42:]
    )
    poor = days(42, lambda number: 16, campaign="poor", clicks=400)
    poor += days(84, lambda number: (3, 3, 3, 3, 4)[number % 5], campaign="poor", clicks=100)[42:]
    findings = _found(question([*good, *poor]))
    assert findings[FindingKind.MIXED].figure.value == pytest.approx(0.8, abs=0.01)
    assert "went to 1.35 of what they were" in findings[FindingKind.MIXED].reason


def test_a_better_mix_alone_is_no_finding() -> None:
    """Where the rates stay, an average that moves with the mix is what it should be."""
    rows = (
        days(42, lambda number: 10, campaign="good", clicks=100)
        + days(84, lambda number: 40, campaign="good", clicks=400)[42:]
    )
    rows += (
        days(42, lambda number: 16, campaign="poor", clicks=400)
        + days(84, lambda number: 4, campaign="poor", clicks=100)[42:]
    )
    assert not audit(question(rows)).findings


@pytest.mark.parametrize(("planned", "found"), [(None, True), ({"control": 55, "new": 45}, False)])
def test_an_experiment_is_uneven_by_its_planned_split(planned: dict[str, float] | None, found: bool) -> None:
    """55 % of the impressions in one arm are a mismatch where half was planned, and none where 55 % was."""
    arms = of_part(days(84, _steady, clicks=110), "arm", "control") + of_part(
        days(84, _steady, clicks=90), "arm", "new"
    )
    assert (FindingKind.UNEVEN in _found(replace(question(arms, "arm"), planned=planned))) == found


def test_a_split_of_other_arms_is_not_looked_at_and_said() -> None:
    """A mistyped arm must not read as an experiment in which nothing stands out."""
    arms = of_part(days(84, _steady, clicks=110), "arm", "control") + of_part(
        days(84, _steady, clicks=90), "arm", "new"
    )
    answer = audit(replace(question(arms, "arm"), planned={"control": 50, "knew": 50}))
    assert "--split" in next(each.because for each in answer.not_looked if each.kind is FindingKind.UNEVEN)


@pytest.mark.parametrize(("swing", "found"), [(0, True), (50, False)])
def test_an_experiment_whose_days_swing_is_allowed_a_difference(swing: int, found: bool) -> None:
    """51.5 % of 336,000 impressions are a mismatch where each day has that share, and none where days swing by 25 %."""
    rows = []
    for arm, clicks, sign in (("control", 103, 1), ("new", 97, -1)):
        some = days(84, _steady, clicks=clicks)
        shown = [20 * (clicks + (swing if number % 2 else -swing) * sign) for number in range(84)]
        rows += [replace(row, arm=arm, impressions=count) for row, count in zip(some, shown, strict=True)]
    assert (FindingKind.UNEVEN in _found(question(rows, "arm"))) == found


@pytest.mark.parametrize(("brand_rate", "found"), [(20, True), (6, False)])
def test_brand_terms_harvest_where_they_convert_far_more_often(brand_rate: int, found: bool) -> None:
    """20 % beside 5 % is four times as often; 6 % is not twice as often."""
    rows = of_part(days(84, _steady), "search_term", "lamps")
    rows += of_part(days(84, lambda number: brand_rate, cost=10), "search_term", "Lumora lamps")
    asked = replace(question(rows, "search_term"), brands=("lumora",))
    finding = _found(asked).get(FindingKind.BRAND)
    assert (finding is not None) == found
    if finding:
        assert finding.stake_micros == 840 * EURO
        assert "a conversion costs 2.40 in all, 0.50 by brand terms and 10.00 by the others" in finding.reason


def _orders(a_day: int, *, refunded: int = 0) -> tuple[OwnOrder, ...]:
    return tuple(
        OwnOrder(
            order=f"{day}-{number}",
            day=FIRST + timedelta(days=day),
            paid=True,
            value_micros=40 * EURO,
            refund_micros=40 * EURO * (number < refunded),
            new_customer=number % 2 == 0,
        )
        for day in range(84)
        for number in range(a_day)
    )  # fmt: skip


@pytest.mark.parametrize(("orders", "found"), [(_orders(3), True), (_orders(5), False), (_orders(5, refunded=2), True)])
def test_more_is_claimed_than_was_ordered_and_kept(orders: Sequence[OwnOrder], found: bool) -> None:
    """420 conversions beside 252 own orders are 1.67 times as many; those that were given back do not count."""
    answer = audit(replace(question(days(84, _steady)), orders=tuple(orders)))
    assert bool(answer.findings) == found
    if found:
        assert answer.findings[0].figure.value == pytest.approx(420 / 252)
        assert answer.findings[0].stake_micros == pytest.approx(4200 * (1 - 252 / 420) * EURO)


def test_the_cost_per_new_customer_is_measured() -> None:
    """3 of 5 orders a day are of new customers: 4,200 euros by 252 are 16.67."""
    answer = audit(replace(question(days(84, _steady)), orders=_orders(5)))
    measure = next(each for each in answer.measures if each.what == "cost per new customer")
    assert measure.value == pytest.approx(4200 / 252) and measure.low < measure.value < measure.high


def test_the_same_account_gives_the_same_answer_in_any_order_of_rows() -> None:
    """Findings are ordered by money, and the file's order says nothing."""
    rows = days(84, lambda number: 2 if number >= 42 else _steady(number))
    assert audit(question(rows)) == audit(question(reversed(rows)))


def test_too_short_an_export_says_so() -> None:
    """Where fewer than 14 days are mature, findings about conversions are not looked for, and the reason says why."""
    answer = audit(question(days(20, _steady), young_days=14))
    because = {each.kind: each.because for each in answer.not_looked}
    assert because[FindingKind.BROKE].startswith("the export has 6 mature days, and 14 are needed")
    assert date(2026, 6, 20) == question(days(20, _steady)).export.last_day
