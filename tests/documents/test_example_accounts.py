"""What `audit` says of the accounts that ship, beside figures worked out here from their rows with plain arithmetic.

scipy gives quantiles of Student's t and chi-square, and nothing else. Touch this when the accounts are made anew.
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from datetime import date, timedelta

import pytest
from scipy.stats import chi2, t

from gaelp.domain.exports.findings import AuditQuestion, Finding, FindingKind, FindingPlace
from gaelp.evidence.exports.account_audit import audit
from gaelp.records.exports.read_export import read_export
from gaelp.records.exports.read_orders import read_orders
from gaelp.records.logs.ingestion import LogSource
from scripts.make_examples import orders_text, text
from tests.support.command_line import ROOT

MATURE = date(2026, 8, 17)  # the last day that is 14 days older than 31 August
KIND = 0.05 / 7  # a kind's share of the error rate
Row = dict[str, str]


def _rows(name: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO((ROOT / "examples" / name).read_text())))


def _findings(name: str) -> dict[FindingKind, Finding]:
    (export,) = read_export(LogSource(str(ROOT / "examples" / name), "report", "shop"))
    return {each.kind: each for each in audit(AuditQuestion(export, 14, 30_000_000)).findings}


@pytest.fixture(scope="module")
def findings() -> dict[FindingKind, Finding]:
    """Of the troubled account, with a target of 30.00."""
    return _findings("shop_troubled.csv")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Of the troubled account."""
    return _rows("shop_troubled.csv")


def _of(rows: list[Row], campaign: str, column: str) -> dict[date, float]:
    """The sums of a campaign's column by mature day."""
    sums: dict[date, float] = defaultdict(float)
    for row in rows:
        day = date.fromisoformat(row["Day"])
        if row["Campaign"] == campaign and day <= MATURE:
            sums[day] += float(row[column])
    return dict(sorted(sums.items()))


def _weekdays(rows: list[Row]) -> list[float]:
    """A click's weight on each weekday: the account's conversions per click on it, by those of all days."""
    sold, clicks = [0.0] * 7, [0.0] * 7
    for row in rows:
        day = date.fromisoformat(row["Day"])
        if day <= MATURE:
            sold[day.weekday()] += float(row["Conversions"])
            clicks[day.weekday()] += float(row["Clicks"])
    return [one / other / (sum(sold) / sum(clicks)) for one, other in zip(sold, clicks, strict=True)]


def _noise(sold: list[float], clicks: list[float]) -> tuple[float, float]:
    """The variance of a day's conversions by their mean, from neighbours, and its degrees of freedom."""
    squares = [
        (k / e - m / f) ** 2 / ((k + m) / (e + f) * (1 / e + 1 / f))
        for k, m, e, f in zip(sold, sold[1:], clicks, clicks[1:], strict=False)
        if k + m > 0
    ]
    return max(1.0, sum(squares) / len(squares)), len(squares) / 1.5


def test_the_files_are_what_the_script_writes() -> None:
    """Both accounts, and the orders, come from the seeded script that ships."""
    for name, troubled in (("shop.csv", False), ("shop_troubled.csv", True)):
        assert (ROOT / "examples" / name).read_text() == text(troubled=troubled)
    assert (ROOT / "examples/shop_orders.csv").read_text() == orders_text()


def test_the_healthy_account_has_no_finding_and_the_troubled_one_its_six(findings: dict[FindingKind, Finding]) -> None:
    """Each planted trouble is found where it was planted, and nothing else."""
    assert not _findings("shop.csv")
    assert {kind: str(each.place) for kind, each in findings.items()} == {
        FindingKind.UNEVEN: "arm 'control' of campaign Display",
        FindingKind.BROKE: "campaign Search shades",
        FindingKind.EDITED: "campaign Search lamps",
        FindingKind.SILENT: "campaign Shopping",
        FindingKind.WASTED: "ad group 'lamp repair' of campaign Search lamps",
        FindingKind.OVERBILLED: "campaign Shopping",
    }


def test_the_healthy_accounts_own_cost_per_conversion() -> None:
    """Cost of the mature days by their conversions, as the sentence about the missing target says it."""
    rows = [row for row in _rows("shop.csv") if date.fromisoformat(row["Day"]) <= MATURE]
    each = sum(float(row["Cost"]) for row in rows) / sum(float(row["Conversions"]) for row in rows)
    (export,) = read_export(LogSource(str(ROOT / "examples/shop.csv"), "report", "shop"))
    reasons = {why.kind: why.because for why in audit(AuditQuestion(export, 14)).not_looked}
    assert reasons[FindingKind.WASTED].endswith(f"cost per conversion is {each:,.2f}")


def test_spend_without_conversions(findings: dict[FindingKind, Finding], rows: list[Row]) -> None:
    """3 conversions for 634.80: 3 x 30 = 90 of worth, 544.80 at stake.

    Asked of 4 campaigns and of their 9 ad groups, each of which cost more than 30, so that each test has a 13th of the
    kind's level. The upper bound of 3 is phi times half the chi-square quantile of 2 x 3 / phi + 2 degrees, with the
    campaign's phi.
    """
    mine = [row for row in rows if row["Ad group"] == "lamp repair" and date.fromisoformat(row["Day"]) <= MATURE]
    cost, sold = (round(sum(float(row[name]) for row in mine), 2) for name in ("Cost", "Conversions"))
    assert (cost, sold) == (634.80, 3.0)
    weights = _weekdays(rows)
    clicks = [count * weights[day.weekday()] for day, count in _of(rows, "Search lamps", "Clicks").items()]
    phi, _ = _noise(list(_of(rows, "Search lamps", "Conversions").values()), clicks)
    high = phi * chi2.isf(KIND / 13, 2 * sold / phi + 2) / 2
    finding = findings[FindingKind.WASTED]
    assert finding.place == FindingPlace("Search lamps", "ad_group", "lamp repair")
    assert finding.figure.value == pytest.approx(90.00) and finding.figure.high == pytest.approx(30 * high)
    assert 30 * high < cost and finding.stake_micros == pytest.approx(544_800_000)


def test_a_tag_that_fell_silent(findings: dict[FindingKind, Finding], rows: list[Row]) -> None:
    """No conversion from 6 to 11 July; expected are the campaign's conversions per click, by weekday, on these clicks.

    The money at stake is what these days cost.
    """
    sold, clicks = _of(rows, "Shopping", "Conversions"), _of(rows, "Shopping", "Clicks")
    weights = _weekdays(rows)
    days = [date(2026, 7, 6) + timedelta(days=number) for number in range(6)]
    weighted = {day: count * weights[day.weekday()] for day, count in clicks.items()}
    expected = sum(sold.values()) / sum(weighted.values()) * sum(weighted[day] for day in days)
    cost = sum(_of(rows, "Shopping", "Cost")[day] for day in days)
    finding = findings[FindingKind.SILENT]
    assert all(sold[day] == 0 for day in days)
    assert f"on {sum(clicks[day] for day in days):,.0f} clicks where about {expected:,.1f} were" in finding.reason
    assert finding.stake_micros == pytest.approx(cost * 1e6) and round(cost, 2) == 658.00
    phi, _ = _noise(list(sold.values()), list(weighted.values()))
    assert phi ** (-expected / (phi - 1)) * 92 < KIND / 5  # 4 campaigns and their sum, a run begins on any of 92 days
    assert finding.figure.high == pytest.approx(-math.log(KIND / 5) * phi)


def test_a_rate_that_broke(findings: dict[FindingKind, Finding], rows: list[Row]) -> None:
    """The rate from 13 July on by that before, each by weekday; normal in the logarithm with the noise of the days.

    78 mature days leave 65 days on which a change may have begun, so that each side of the interval leaves out the
    level of 5 series by 2 x 65. At stake are the missing conversions, at the cost of one before.
    """
    weights = _weekdays(rows)
    sold, cost = _of(rows, "Search shades", "Conversions"), _of(rows, "Search shades", "Cost")
    clicks = {day: count * weights[day.weekday()] for day, count in _of(rows, "Search shades", "Clicks").items()}
    turn = date(2026, 7, 13)
    before, after = (
        (sum(sold[day] for day in side), sum(clicks[day] for day in side))
        for side in ([day for day in sold if day < turn], [day for day in sold if day >= turn])
    )
    ratio = after[0] / after[1] / (before[0] / before[1])
    phi, degrees = _noise(list(sold.values()), list(clicks.values()))
    reach = t.isf(KIND / 5 / 65 / 2, degrees) * math.sqrt(phi * (1 / before[0] + 1 / after[0]))
    figure = findings[FindingKind.BROKE].figure
    assert len(sold) - 2 * 7 + 1 == 65
    assert (figure.value, figure.low) == (pytest.approx(ratio), pytest.approx(ratio * math.exp(-reach)))
    assert figure.high == pytest.approx(ratio * math.exp(reach))
    missing = before[0] / before[1] * after[1] - after[0]
    each = sum(cost[day] for day in sold if day < turn) / before[0]
    assert findings[FindingKind.BROKE].stake_micros == pytest.approx(missing * each * 1e6, abs=1)


def test_a_budget_that_was_edited_often(findings: dict[FindingKind, Finding], rows: list[Row]) -> None:
    """16 days of 40 and 15 of 50 in August, two of each in turn.

    Twice each budget is 2 x (640 + 750) = 2,780. The last edit, on the 30th, leaves two budgets of 40 and not four:
    2,700. Unedited, 30.4 times the mean of 1390 / 31 = 44.838709 is 1,363.0968, and 1,363.10 in whole cents. Were each
    edit made within the day before or after, all days but the 31st, beside a 40, might bill 100: 3,080.
    """
    budgets = [row["Budget"] for row in rows if row["Day"][:7] == "2026-08" and row["Ad group"] == "desk lamps"]
    assert (budgets.count("40.00"), budgets.count("50.00")) == (16, 15)
    finding = findings[FindingKind.EDITED]
    assert (finding.figure.value, finding.figure.high) == (2700.0, 3080.0)
    assert finding.stake_micros == 2_700_000_000 - 1_363_100_000


def test_a_day_that_was_billed_above_its_limit(findings: dict[FindingKind, Finding], rows: list[Row]) -> None:
    """190.00 and 95.50 on 24 June are 285.50; twice the budget of 120 is 240, so that 45.50 are above it.

    The budget is 120 on all days, as where an export only knows today's, so that nothing may be due. June in all stays
    within 30.4 x 120 = 3,648.
    """
    june = [row for row in rows if row["Campaign"] == "Shopping" and row["Day"][:7] == "2026-06"]
    assert sum(float(row["Cost"]) for row in june if row["Day"] == "2026-06-24") == 285.50
    assert sum(float(row["Cost"]) for row in june) < 3648
    finding = findings[FindingKind.OVERBILLED]
    assert (finding.figure.value, finding.figure.low, finding.figure.high) == (45.5, 0.0, 45.5)
    assert finding.stake_micros == 45_500_000


def test_an_uneven_experiment(findings: dict[FindingKind, Finding], rows: list[Row]) -> None:
    """The control's share of all impressions; the noise is that of the days' splits about it, on 91 degrees.

    At stake is what the experiment cost.
    """
    shown: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    mine = [row for row in rows if row["Campaign"] == "Display"]
    for row in mine:
        shown[row["Day"]][row["Experiment arm"]] += float(row["Impr."])
    control, total = (
        sum(day[arm] for day in shown.values() for arm in arms) for arms in (("control",), ("control", "new"))
    )
    share = control / total
    chi_square = 0.0
    for day in shown.values():
        both = day["control"] + day["new"]
        chi_square += (day["control"] - share * both) ** 2 / (share * both)
        chi_square += (day["new"] - (1 - share) * both) ** 2 / ((1 - share) * both)
    phi = max(1.0, chi_square / 91)
    reach = t.isf(KIND / 2, 91) * math.sqrt(phi * share * (1 - share) / total)
    figure = findings[FindingKind.UNEVEN].figure
    assert (figure.value, figure.low) == (pytest.approx(share), pytest.approx(share - reach))
    assert figure.low > 0.5
    assert findings[FindingKind.UNEVEN].stake_micros == pytest.approx(sum(float(row["Cost"]) for row in mine) * 1e6)


def test_own_orders_agree_with_what_the_healthy_account_claims() -> None:
    """Claimed by own orders, and cost per new customer: of orders with a click id that were kept, on mature days.

    The claim is above the orders by no more than chance, so that there is no finding.
    """
    rows = _rows("shop.csv")
    kept = [
        each
        for each in _rows("shop_orders.csv")
        if each["click_id"] and float(each["refund"]) < float(each["value"]) and each["time"][:10] <= MATURE.isoformat()
    ]
    days = sorted({row["Day"] for row in rows if row["Day"] <= MATURE.isoformat()})
    own = [sum(each["time"][:10] == day for each in kept) for day in days]
    new = [sum(each["time"][:10] == day and each["new_customer"] == "1" for each in kept) for day in days]
    claimed = sum(float(row["Conversions"]) for row in rows if row["Day"] in days)
    cost = sum(float(row["Cost"]) for row in rows if row["Day"] in days)
    (export,) = read_export(LogSource(str(ROOT / "examples/shop.csv"), "report", "shop"))
    orders = read_orders(LogSource(str(ROOT / "examples/shop_orders.csv"), "report", "orders"), "EUR", (), "UTC")
    answer = audit(AuditQuestion(export, 14, 30_000_000, orders=orders))
    assert not answer.findings
    ratio, customer = answer.measures
    assert ratio.value == pytest.approx(claimed / sum(own)) and ratio.low < 1 < ratio.high
    assert customer.value == pytest.approx(cost / sum(new)) and customer.low < customer.value < customer.high
