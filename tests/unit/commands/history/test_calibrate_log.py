"""The verb `calibrate`, and the files that it writes. Touch with gaelp/commands/history/calibrate_log.py."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaelp.commands.history.fitted_settings import FittedQuantity, settings_of, written
from gaelp.configuration.loading import load
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.auctions.price_curves import PriceCurves
from gaelp.market.calibration.calibrate import calibrate
from tests.support.command_line import Finished
from tests.support.made_logs import ITEMS, write_log


def answer(ran: Finished) -> dict[str, Any]:
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


def started_with(file: Path) -> TrainingConfiguration:
    """What `start --config FILE` reads."""
    return load(file, environment={})


def market_file(folder: Path, rows: int = 400) -> Path:
    """Prices of a lognormal market around 60 with spread 0.5, one click in twenty; the later half costs ten times."""
    prices = np.rint(60 * np.exp(np.random.default_rng(4).normal(0, 0.5, rows))).astype(int)
    prices[rows // 2 :] *= 10
    file = folder / "market.txt"
    file.write_text("".join(f"{int(row % 20 == 3)} {price} 0.001\n" for row, price in enumerate(prices)))
    return file


def test_the_file_of_a_bandit_log_makes_the_market_that_was_printed(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """`start` takes the file: it names the ingested log, and the market without logs has the fitted click rate."""
    source, file = write_log(tmp_path / "made", seed=3), tmp_path / "fitted.yaml"
    assert in_process("ingest", str(source), "--kind", "bandit", "--name", "no").returncode == 0
    document = answer(in_process("calibrate", "no", "--output", str(file), "--json"))
    config = started_with(file)
    assert config.historical.logs == ("no",)  # a name that YAML would read as false
    market = calibrate([], config)
    shares = market.auctions_per_hour / market.auctions_per_hour.sum()
    level = {each["setting"]: each for each in document["market"]}["click_rate"]
    assert np.average(market.ctr.mean(axis=1), weights=shares) == pytest.approx(level["value"], rel=1e-4)
    assert level["low"] < level["value"] < level["high"]
    assert market.ctr.shape == (len(document["segments"]), ITEMS) == (4, len(document["items"]))
    assert config.market.hourly_auctions == pytest.approx(1500 / 84, abs=1)


def test_segments_items_and_hours_rest_on_all_earlier_rows_and_on_no_later_one(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """Events sum up to the earlier half, and a later half in which everybody clicks changes no answer."""
    source = write_log(tmp_path / "made", seed=3)
    before = answer(in_process("calibrate", str(source), "--kind", "bandit", "--json"))
    for part in ("segments", "items", "hours"):
        assert sum(int(each["events"].split(" of ")[1 if part != "hours" else 0].replace(",", ""))
                   for each in before[part]) == 1500  # fmt: skip
    assert np.mean([each["value"] for each in before["hours"]]) == pytest.approx(1)
    assert np.sum(before["cells"]["rows"]) == 1500
    with source.open(newline="") as file:
        head, *rows = list(csv.reader(file))
    with source.open("w", newline="") as file:
        csv.writer(file).writerows([head, *([*row[:4], "1" if n >= 1500 else row[4], *row[5:]]
                                            for n, row in enumerate(rows))])  # fmt: skip
    assert answer(in_process("calibrate", str(source), "--kind", "bandit", "--json")) == before


def test_the_file_of_a_market_log_makes_a_market_with_its_prices(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """At 0.01 a unit the trained market has the earlier half's median price, spread and click rate."""
    file = tmp_path / "fitted.yaml"
    words = ("--kind", "market", "--price-unit", "0.01", "--output", str(file), "--json")
    document = answer(in_process("calibrate", str(market_file(tmp_path)), *words))
    config = started_with(file)
    assert config.historical.logs == () and config.market.click_rate == pytest.approx(0.05)
    assert float(config.market.price_median) == pytest.approx(0.6, rel=0.1)
    assert config.market.price_spread == pytest.approx(0.5, rel=0.2)
    curves = PriceCurves.of(calibrate([], config))
    assert curves.win_rate(np.full(4, 0.6e6)).mean() == pytest.approx(0.5, abs=0.1)
    assert sum(count for _, count in document["prices"]) == 200
    assert "hourly_auctions is left out: the log has no times" in file.read_text()


def test_a_file_that_is_there_is_written_over_only_with_force(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """Without --force the file stays as it was, and the sentence names both remedies."""
    file = tmp_path / "fitted.yaml"
    file.write_text("mine")
    words = ("calibrate", str(market_file(tmp_path)), "--kind", "market", "--output", str(file))
    ran = in_process(*words)
    assert ran.returncode == 2 and "is there already: name another file, or write over it with --force" in ran.stderr
    assert file.read_text() == "mine"
    assert in_process(*words, "--force").returncode == 0 and "click_rate" in file.read_text()


def test_a_price_level_is_never_guessed(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Without --price-unit the file sets no level and says why; what the log cannot have is said too."""
    file = tmp_path / "fitted.yaml"
    ran = in_process("calibrate", str(market_file(tmp_path)), "--kind", "market", "--output", str(file))
    assert ran.returncode == 0, ran.stderr
    assert started_with(file).market.price_median == load("quick-test", environment={}).market.price_median
    assert "# price_median is left out: the log has a unit of its own: say with --price-unit" in file.read_text()
    assert "only auctions that its logger won" in ran.stdout and "above its highest price" in ran.stdout


@pytest.mark.parametrize(("setting", "value", "taken"), [
    ("click_rate", 0.00009, 0.00009),  # 9e-05 would be text in YAML
    ("click_rate", 0.7, None), ("click_rate", 0.0, None), ("click_rate", 1e-9, None), ("click_rate", None, None),
    ("price_median", 0.00001, None), ("price_median", 2e6, None), ("price_median", 0.12345, 0.1235),
    ("price_spread", 0.001, None), ("hourly_auctions", 0.2, 1), ("hourly_auctions", 0.0, None),
])  # fmt: skip
def test_what_is_written_is_what_start_reads(
    tmp_path: Path, setting: str, value: float | None, taken: float | None
) -> None:
    """A value within a setting's range comes back as it is; another one is left out with a reason."""
    quantities = [FittedQuantity("thing", value, None, None, "9 rows", "nothing was seen", setting)]
    text = written(settings := settings_of(quantities), quantities, "Made by a test.", [])
    (tmp_path / "fitted.yaml").write_text(text)
    market = started_with(tmp_path / "fitted.yaml").market
    wanted = getattr(load("quick-test", environment={}).market, setting) if taken is None else taken
    found = getattr(market, setting)
    assert found is None if wanted is None else float(found) == pytest.approx(float(wanted))
    assert settings["market"].get(setting) == taken and (f"{setting} is left out: " in text) == (taken is None)


@pytest.mark.parametrize(("words", "message"), [
    (("market.txt",), "market.txt is a file: say with --kind what kind of log it is"),
    (("nowhere",), "there is no log 'nowhere'"),
    (("nowhere.txt", "--kind", "market"), "there is no file nowhere.txt"),
    (("market.txt", "--kind", "split-test"), "invalid choice: 'split-test'"),
    (("market.txt", "--kind", "market", "--price-unit", "0"), "'0' is not an amount above 0"),
    (("market.txt", "--kind", "market", "--price-unit", "nan"), "'nan' is not an amount above 0"),
    (("market.txt", "--kind", "market", "--output", "no/such/folder.yaml"), "no/such/folder.yaml cannot be written"),
    (("one.txt", "--kind", "market"), "a log of 1 rows cannot be split"),
    (("made/log.csv", "--kind", "bandit", "--price-unit", "1"), "is a bandit log and has no prices"),
])  # fmt: skip
def test_what_cannot_be_calibrated_on_is_one_sentence(
    in_process: Callable[..., Finished], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...], message: str,
) -> None:  # fmt: skip
    """Files without a kind, unknown logs, amounts and places that cannot be: exit code 2 or 1, and no traceback."""
    monkeypatch.chdir(tmp_path)
    market_file(tmp_path)
    (tmp_path / "one.txt").write_text("0 5 0.1\n")
    write_log(tmp_path / "made", seed=3, rows=50)
    ran = in_process("calibrate", *words)
    assert ran.returncode in (1, 2) and message in ran.stderr and len(ran.stderr.splitlines()) == 1


def test_a_report_sets_rates_cost_and_order_value(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Of the earlier half; what `start` reads from the file is what is printed."""
    days = [
        f"2026-03-{day:02},a,1000,{20 if day < 11 else 500},10.00,{2 if day < 9 else 0},60\n" for day in range(1, 21)
    ]
    (tmp_path / "r.csv").write_text("date,campaign,impressions,clicks,cost,conversions,sales\n" + "".join(days))
    file = tmp_path / "fitted.yaml"
    ran = in_process("calibrate", str(tmp_path / "r.csv"), "--kind", "report", "--output", str(file), "--json")
    assert ran.returncode == 0, ran.stderr
    settings = json.loads(ran.stdout)["settings"]
    assert settings["market"]["click_rate"] == pytest.approx(0.02)
    # A click costs 0.50, and 1,000 impressions 10.00, of prices whose mean is exp(0.6^2 / 2) medians.
    assert settings["market"]["price_median"] == pytest.approx(10 / math.exp(0.18), abs=1e-4)
    config = started_with(file)
    assert float(config.economics.order_value) == pytest.approx(settings["economics"]["order_value"]) == 37.5
    assert config.economics.conversion_rate == pytest.approx(settings["economics"]["conversion_rate"])


@pytest.mark.parametrize(("currency", "value", "order"), [("EUR", 61.33, 20.44), ("JPY", 6133.3, 2044)])
def test_the_file_of_a_report_is_in_its_currency_and_starts_as_it_is(
    in_process: Callable[..., Finished], tmp_path: Path, currency: str, value: float, order: float
) -> None:
    """An order's value is what the report calls revenue where it has no sales, and is an amount that can be paid."""
    rows = "".join(f"2026-03-{day:02},a,1000,20,1000,3,{value},{currency}\n" for day in range(1, 31))
    (tmp_path / "r.csv").write_text("Day,Campaign,Impr.,Clicks,Cost,Conversions,Conv. value,Currency code\n" + rows)
    file = tmp_path / "fitted.yaml"
    ran = in_process("calibrate", str(tmp_path / "r.csv"), "--kind", "report", "--output", str(file), "--json")
    assert ran.returncode == 0, ran.stderr
    config = started_with(file)
    assert (config.currency, float(config.economics.order_value)) == (currency, order)
    assert json.loads(ran.stdout)["settings"]["currency"] == currency


def test_a_report_that_does_not_know_all_its_conversions_sets_no_rate(
    in_process: Callable[..., Finished], tmp_path: Path
) -> None:
    """And says so; in an export of Meta a blank cell is 0, so that it sets one."""
    heads = {"Cost": "-", "Amount spent (USD)": "0.015"}
    for cost, shown in heads.items():
        rows = "".join(f"2026-03-{day:02},a,1000,20,10.00,{day % 2 * 3 or ''}\n" for day in range(1, 21))
        names = {"Cost": "Day,Campaign,Impr.,Clicks,Cost,Conversions"}
        head = names.get(cost, f"Day,Campaign name,Impressions,Link clicks,{cost},Purchases")
        (tmp_path / "r.csv").write_text(f"{head}\n{rows}")
        ran = in_process("calibrate", str(tmp_path / "r.csv"), "--kind", "report")
        rate = next(line for line in ran.stdout.splitlines() if "conversions per click" in line)
        assert ("does not know it, at least not in each" in rate) is (shown == "-") and "nan" not in ran.stdout


def test_a_report_of_few_days_has_no_intervals(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Drawing 13 earlier days anew would be too narrow, and one day a point; from 14 on there are intervals."""
    for days, shown in ((2, False), (26, False), (28, True)):
        rows = "".join(f"2026-03-{day:02},a,1000,{20 + day % 3},10.00\n" for day in range(1, days + 1))
        (tmp_path / "r.csv").write_text("date,campaign,impressions,clicks,cost\n" + rows)
        ran = in_process("calibrate", str(tmp_path / "r.csv"), "--kind", "report", "--json")
        found = json.loads(ran.stdout)
        rate = found["market"][0]
        assert rate["value"] == pytest.approx(0.021, abs=0.001) and (rate["low"] is not None) is shown
        assert any("an interval needs 14" in each for each in found["remarks"]) is not shown


def test_a_report_in_two_currencies_is_refused(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """Amounts of two currencies are never added."""
    names = ["EUR", "USD", "EUR", "EUR"]
    rows = "".join(f"2026-03-0{day},a,10,1,1.00,{name}\n" for day, name in enumerate(names, 1))
    (tmp_path / "r.csv").write_text("date,campaign,impressions,clicks,cost,currency\n" + rows)
    ran = in_process("calibrate", str(tmp_path / "r.csv"), "--kind", "report")
    assert ran.returncode == 2 and "its amounts are in EUR and USD" in ran.stderr
