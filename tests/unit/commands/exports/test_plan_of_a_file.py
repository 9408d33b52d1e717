"""`plan FILE` measures the account and asks the live gate. Touch with gaelp/commands/exports/file_plan.py."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from gaelp.commands.exports.plan_view import ShownPlan, plan_document
from gaelp.domain.exports.mature_days import maturity_assumed
from gaelp.evidence.certification.live_trials import StatedSales
from gaelp.evidence.exports.account_sales import AccountSales
from gaelp.evidence.exports.conversion_lag import BoundedEstimate
from tests.support.command_line import Finished

Run = Callable[..., Finished]
THREE = ("--mature-after", "3")


@pytest.fixture
def dollars(tmp_path: Path) -> str:
    """20 days of 100 dollars with 20 conversions each, worth 8 dollars apiece."""
    rows = [f"2026-09-{day:02d},Search,USD,1000,400,100.00,{20 + day % 3 - 1},{160 + 8 * (day % 3 - 1)}.00\n"
            for day in range(1, 21)]  # fmt: skip
    place = tmp_path / "shop.csv"
    place.write_text("Day,Campaign,Currency code,Impr.,Clicks,Cost,Conversions,Conv. value\n" + "".join(rows))
    return str(place)


def test_the_account_s_own_figures_and_the_smallest_test(in_process: Run, dollars: str, tmp_path: Path) -> None:
    """Of the 17 days up to the 17th, 6 have 20 conversions, 6 have 21 and 5 have 19: 1,700 for 341.

    A day's cap of 50 dollars is a budget of 25, so that five conversions a day come and a campaign of 7 days has 35. A
    true ROI of +100 % is found; the figures of the page are those of the answer.
    """
    page = tmp_path / "page.html"
    ran = in_process("plan", dollars, *THREE, "--roi", "1", "--page", str(page), "--json")
    (document,) = json.loads(ran.stdout)["plans"]
    assert document["cpa_micros"]["value"] == pytest.approx(1_700 / 341 * 1e6)
    assert document["order_value_micros"]["value"] == pytest.approx(8e6)
    assert document["order_spread"] == pytest.approx(0)
    (effect,) = document["effects"]
    assert document["daily_budget_micros"] == 25_000_000
    assert effect["smallest"]["days"] == 7 and effect["smallest"]["shares"][-1] >= 0.5
    assert "The smallest test that finds +100%" in document["answer"]
    assert document["answer"] in page.read_text().replace("&#43;", "+")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("more", "lag_days", "said"),
    [
        ((), pytest.approx(1.5), "as measured"),
        (("--lag", "2"), 2, "as given"),
        (None, 1, "taken from the configuration"),
    ],
    ids=["measured", "given", "neither"],
)
def test_the_lag_is_the_measured_one_where_none_was_said(
    in_process: Run, dollars: str, tmp_path: Path, more: tuple[str, ...] | None, lag_days: float, said: str
) -> None:
    """Of 100 conversions a day half come on the day after the click and half two days after it: 1.5 days."""
    ages = tmp_path / "ages.csv"
    rows = [f"2026-09-{day:02d},Search,{age},50" for day in range(1, 11) for age in (1, 2)]
    ages.write_text("\n".join(["Day,Campaign,Days to conversion,Conversions", *rows]))
    words = THREE if more is None else ("--snapshots", str(ages), *more)
    ran = in_process("plan", dollars, "--roi", "1", "--json", *words)
    (document,) = json.loads(ran.stdout)["plans"]
    assert document["lag_days"] == lag_days and document["lag_from"] == said


def test_what_cannot_be_found_out_is_said(in_process: Run, dollars: str) -> None:
    """With 10 dollars a day and orders at 20, a true ROI of 6 % is not told from the 5 % that is to be exceeded."""
    ran = in_process("plan", dollars, *THREE, "--roi", "0.06", "--cpa", "1", "--daily-budget", "10")
    assert "With 10.00 USD a day a true ROI of +6% cannot be found out" in ran.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--cpa", "100000"), "give a larger --daily-budget"),
        (("--roi", "-1"), "--roi is -1"),
        (("--lag", "0"), "--lag is 0"),
        (("--figure", "x.png"), "--page FILE.html"),
        (("--daily-budget", "0"), "--daily-budget '0' is not an amount"),
    ],
)
def test_a_wrong_option_is_refused(in_process: Run, dollars: str, words: tuple[str, str], says: str) -> None:
    """Exit code 2 and one sentence."""
    ran = in_process("plan", dollars, *THREE, *words)
    assert ran.returncode == 2 and says in ran.stderr and "Traceback" not in ran.stderr


def test_another_currency_asks_for_the_budget(in_process: Run, dollars: str) -> None:
    """A live test's cap is in US dollars: what it is in another currency is asked for and not guessed."""
    Path(dollars).write_text(Path(dollars).read_text().replace("USD", "EUR"))
    ran = in_process("plan", dollars, *THREE)
    assert ran.returncode == 2 and "--daily-budget" in ran.stderr


def test_an_end_that_is_not_bounded_is_null_in_the_document() -> None:
    """Where conversions came on a few days only, drawing days again may find none; JSON has no infinity."""
    unbounded = BoundedEstimate(5e6, 2e6, math.inf)
    sales = AccountSales(17, 10.0, unbounded, None, None, 1.0)
    stated = StatedSales(cpa_micros=5_000_000, daily_micros=25_000_000, roi=0.0, order_spread=0.5, dispersion=1.0)
    shown = ShownPlan(
        "shop", "USD", sales, stated, maturity_assumed(date(2026, 9, 21)), 1.0, "as given", "as given", ()
    )
    assert plan_document(shown)["cpa_micros"] == {"value": 5e6, "low": 2e6, "high": None}
