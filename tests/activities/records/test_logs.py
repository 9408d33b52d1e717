"""Which rows of a log a replay may see: those that are later than anything the market was calibrated on."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from temporalio.testing import ActivityEnvironment

from activities.compute.replays import Replays
from activities.inputs import Inputs
from activities.records.logs import Logs
from gaelp.configuration import loading
from gaelp.domain.log_evidence import Grade
from gaelp.domain.phases import Phase
from gaelp.market.calibration.calibrate import calibrate
from gaelp.messages.log_replay import LogEvidence, PreparedLog, PrepareLog, ReplayLog
from gaelp.messages.run_context import RunContext
from gaelp.records.logs.ingestion import LogSource, ingest
from gaelp.records.logs.stored_logs import UnknownLog, load_bandit, load_market, split
from gaelp.records.warehouse.warehouse import Warehouse
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support.known_truth_logs import market_log, report_log
from tests.support.local_runs import LocalRuns
from tests.support.made_logs import START, write_log

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Two logs of the same week, one of which has most of its rows on the first day."""
    opened = open_warehouse(str(tmp_path / "warehouse"))
    even, early = write_log(tmp_path / "even", 1), write_log(tmp_path / "early", 2, rows=600)
    lines = early.read_text().splitlines(keepends=True)
    early.write_text("".join([*lines[:501], *lines[590:]]))
    for name, path in (("even", even), ("early", early)):
        ingest(opened, LogSource(str(path), "bandit", name), NOW)
    yield opened
    opened.close()


def prepared(local_runs: LocalRuns, inputs: Inputs, warehouse: Warehouse, log: str, logs: list[str]) -> PreparedLog:
    config = local_runs.config(f"historical.logs={logs}")
    inputs.store.put_document(loading.canonical(config))
    order = PrepareLog(config_digest=loading.digest(config), log=log)
    return ActivityEnvironment().run(Logs(inputs, warehouse).prepare_log, order)


def test_a_replay_sees_only_what_is_later_than_the_calibration_of_every_log(
    local_runs: LocalRuns, inputs: Inputs, warehouse: Warehouse
) -> None:
    """A log's own later share is cut again where another log calibrated the market on later rows."""
    share = local_runs.config().historical.calibration_share
    last = {name: split(load_bandit(warehouse, name), share)[0]["time_us"].max() for name in ("even", "early")}
    first, second = sorted(last, key=lambda name: int(last[name]))
    alone = prepared(local_runs, inputs, warehouse, first, [first])
    beside = [prepared(local_runs, inputs, warehouse, first, logs) for logs in ([first, second], [second, first])]
    assert 0 < beside[0].rows < alone.rows
    assert beside[0] == beside[1]  # whichever log is named first
    for answer, latest in ((alone, last[first]), (beside[0], last[second])):
        times = inputs.store.get_arrays(answer.rows_digest)["time_us"]
        assert np.all(times > latest)
        assert answer.rows == len(times) == np.count_nonzero(load_bandit(warehouse, first)["time_us"] > latest)


def test_a_row_of_the_instant_at_which_calibration_ended_is_not_later(
    local_runs: LocalRuns, inputs: Inputs, warehouse: Warehouse, tmp_path: Path
) -> None:
    """Another log calibrates up to the instant of a row in this log's later half, and that row is left out too."""
    lines = (tmp_path / "even" / "log.csv").read_text().splitlines(keepends=True)
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "log.csv").write_text("".join([lines[0], *lines[1001:]]))  # the last 2,000 rows of 3,000
    (tmp_path / "late" / "item_context.csv").write_text((tmp_path / "even" / "item_context.csv").read_text())
    ingest(warehouse, LogSource(str(tmp_path / "late" / "log.csv"), "bandit", "late"), NOW)
    share = local_runs.config().historical.calibration_share
    ended = split(load_bandit(warehouse, "late"), share)[0]["time_us"].max()
    later = split(load_bandit(warehouse, "even"), share)[1]["time_us"]
    assert ended in later
    answer = prepared(local_runs, inputs, warehouse, "even", ["even", "late"])
    assert inputs.store.get_arrays(answer.rows_digest)["time_us"].tolist() == later[later > ended].tolist()


def market_file(folder: Path, dated: bool) -> Path:
    """A market log of 20,000 auctions over a week that begins with the bandit logs', with dates or without."""
    folder.mkdir()
    log, file = market_log(1, 20_000, ctr=0.1), folder / "auctions.csv"
    seconds = np.linspace(0, 7 * 24 * 3600, 20_000, endpoint=False).astype(int)
    stamps = [(START + timedelta(seconds=int(second))).isoformat() for second in seconds] if dated else [""] * 20_000
    rows = zip(stamps, log["click"], log["market_price"], log["pctr"], strict=True)
    file.write_text("date,click,market_price,pctr\n" + "".join(f"{a},{b},{c},{d:.6f}\n" for a, b, c, d in rows))
    return file


@pytest.mark.parametrize("dated", [True, False])
def test_the_later_part_of_a_market_log_is_asked_and_its_panel_found(
    local_runs: LocalRuns, inputs: Inputs, warehouse: Warehouse, tmp_path: Path, dated: bool
) -> None:
    """By its share alone, and later than what another log calibrates with; the replay gives grade B."""
    ingest(warehouse, LogSource(str(market_file(tmp_path / "made", dated)), "market", "auctions"), NOW)
    alone = prepared(local_runs, inputs, warehouse, "auctions", ["auctions"])
    beside = prepared(local_runs, inputs, warehouse, "auctions", ["auctions", "even"])
    assert alone.earlier == round(20_000 * local_runs.config().historical.calibration_share)
    assert alone.rows + alone.earlier == 20_000 == beside.rows + beside.earlier
    share = local_runs.config().historical.calibration_share
    until = int(split(load_bandit(warehouse, "even"), share)[0]["time_us"].max())
    times = load_market(warehouse, "auctions")["time_us"]
    assert beside.earlier == max(alone.earlier, int((times <= until).sum()) if dated else 0)
    assert (alone.window_start is not None) is dated
    digest = loading.digest(local_runs.config("historical.logs=['auctions']"))
    market = inputs.store.put_arrays(calibrate([load_market(warehouse, "auctions")], local_runs.config()).to_arrays())
    state = inputs.store.put_arrays(inputs.untrained(inputs.agent("fixed-bid", digest), digest, market))
    context = RunContext(
        run="r", agent="fixed-bid", phase=Phase.HISTORICAL, config_digest=digest, account="a", market_digest=market,
        checkpoint_digest=state,
    )  # fmt: skip
    evidence = ActivityEnvironment().run(Replays(inputs).replay_log, ReplayLog(context=context, log=alone))
    assert (evidence.grade, evidence.rows, evidence.reason) == (Grade.B, alone.rows, "")
    assert evidence.panel is not None and len(evidence.panel.predicted) == 24
    assert len(evidence.gaps) == (5 if dated else 4) and all(each.log == "auctions" for each in evidence.gaps)
    assert evidence.clicks == int(inputs.store.get_arrays(alone.rows_digest)["click"][alone.earlier :].sum())
    assert [each.policy for each in evidence.estimates] == ["candidate", "logging", "fixed-bid", "linear-bid"]
    assert [each.policy for each in evidence.differences] == ["logging", "fixed-bid", "linear-bid"]
    assert evidence.unit == "USD that 1,000 auctions bring, at 0.60 a click"


def test_the_arms_of_a_bandit_log_are_ranked_by_the_market_of_its_earlier_part(
    local_runs: LocalRuns, inputs: Inputs, warehouse: Warehouse, tmp_path: Path
) -> None:
    """Items in the market's order stand beside what they brought later; with too few clicks the evidence says why."""
    header, *lines = write_log(tmp_path / "clicked", 3, rows=6000).read_text().splitlines()
    rng = np.random.default_rng(4)
    for number, line in enumerate(lines):
        cells = line.split(",")
        cells[4] = str(int(rng.random() < 0.02 * (1 + int(cells[2]))))
        lines[number] = ",".join(cells)
    (tmp_path / "clicked" / "log.csv").write_text("\n".join([header, *lines, ""]))
    ingest(warehouse, LogSource(str(tmp_path / "clicked" / "log.csv"), "bandit", "clicked"), NOW)
    found = {}
    for name in ("clicked", "even"):
        log = prepared(local_runs, inputs, warehouse, name, [name])
        config = local_runs.config(f"historical.logs=['{name}']")
        digest = loading.digest(config)
        market = inputs.store.put_arrays(calibrate([load_bandit(warehouse, name)], config).to_arrays())
        state = inputs.store.put_arrays(inputs.untrained(inputs.agent("fixed-bid", digest), digest, market))
        context = RunContext(
            run="r", agent="fixed-bid", phase=Phase.HISTORICAL, config_digest=digest, account="a", market_digest=market,
            checkpoint_digest=state,
        )  # fmt: skip
        found[name] = ActivityEnvironment().run(Replays(inputs).replay_log, ReplayLog(context=context, log=log))
    arms = found["clicked"].arms
    assert arms is not None and arms.arms == 12 and arms.clicks == found["clicked"].clicks
    assert (arms.correlation or 0) > 0.8 and (arms.reliability or 0) > 0.8
    assert found["even"].arms is None and "later clicks, and at least 30 are needed" in found["even"].reason


def report_file(file: Path, covered: int = 1, years_earlier: int = 0) -> LogSource:
    """A report of 120 days from October 2024 on, or earlier, of which every row covers `covered` days."""
    made = report_log(1, 200)
    made = {key: each[made["day"] % covered == 0] for key, each in made.items()}
    rows = zip(
        made["day"] - 365 * years_earlier,
        made["campaign"],
        made["clicks"],
        made["cost_micros"],
        made["conversions"],
        strict=True,
    )
    lines = [
        f"{_day(day)},{_day(day + covered - 1)},c{campaign},{9 * clicks},{clicks},{cost / 1e6:.2f},{conversions:.0f}\n"
        for day, campaign, clicks, cost, conversions in rows
    ]
    file.write_text("date,until,campaign,impressions,clicks,cost,conversions\n" + "".join(lines))
    return LogSource(str(file), "report", "days")


def _day(since_1970: int) -> str:
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=int(since_1970)):%Y-%m-%d}"


def replayed_report(
    local_runs: LocalRuns, inputs: Inputs, warehouse: Warehouse, logs: list[str]
) -> tuple[PreparedLog, LogEvidence]:
    """The report `days` as a run that names `logs` prepares and replays it."""
    log = prepared(local_runs, inputs, warehouse, "days", logs)
    market = inputs.store.put_arrays(calibrate((), local_runs.config()).to_arrays())
    context = RunContext(
        run="r", agent="uniform", phase=Phase.HISTORICAL, account="a", market_digest=market,
        config_digest=loading.digest(local_runs.config(f"historical.logs={logs}")),
    )  # fmt: skip
    return log, ActivityEnvironment().run(Replays(inputs).replay_log, ReplayLog(context=context, log=log))


def test_the_later_days_of_a_report_are_forecast(
    local_runs: LocalRuns, inputs: Inputs, warehouse: Warehouse, tmp_path: Path
) -> None:
    """Grade R, cost and conversions; the first day that is judged is that of the first later row."""
    ingest(warehouse, report_file(tmp_path / "report.csv"), NOW)
    log, evidence = replayed_report(local_runs, inputs, warehouse, ["days"])
    assert (evidence.grade, evidence.reason, evidence.no_forecast) == (Grade.R, "", "")
    assert [str(each.quantity) for each in evidence.gaps] == [
        "clicks per impression", "cost per click", "conversions per click",
    ]  # fmt: skip
    assert [each.quantity for each in evidence.forecasts] == ["cost", "conversions"]
    assert log.earlier == 180 and evidence.forecasts[0].cells == 3 * (60 - math.ceil(math.log(10) * lag(local_runs)))


def test_rows_of_several_days_are_not_forecast_as_days(
    local_runs: LocalRuns, inputs: Inputs, warehouse: Warehouse, tmp_path: Path
) -> None:
    """How many days a row covers goes with the report to its replay, which says why it forecasts nothing."""
    ingest(warehouse, report_file(tmp_path / "report.csv", covered=2), NOW)
    _, evidence = replayed_report(local_runs, inputs, warehouse, ["days"])
    assert evidence.forecasts == () and evidence.no_forecast == "some of its rows cover more than one day"
    assert evidence.reason == "" and len(evidence.gaps) == 3


def test_a_report_of_which_no_row_is_later_says_nothing(
    local_runs: LocalRuns, inputs: Inputs, warehouse: Warehouse, tmp_path: Path
) -> None:
    """Beside a bandit log of later days that calibrates the market: it is replayed, and has no forecast and no gap."""
    ingest(warehouse, report_file(tmp_path / "report.csv", years_earlier=20), NOW)
    log, evidence = replayed_report(local_runs, inputs, warehouse, ["days", "even"])
    assert (log.rows, log.earlier, log.window_start) == (0, 360, None)
    assert (evidence.rows, evidence.clicks, evidence.forecasts, evidence.gaps) == (0, 0, (), ())
    assert evidence.reason == ""


def test_a_split_test_is_not_prepared(
    local_runs: LocalRuns, inputs: Inputs, warehouse: Warehouse, tmp_path: Path
) -> None:
    """No phase judges by an A/B test: a run that names one all the same is told so in one sentence."""
    (tmp_path / "test.csv").write_text("arm,impressions,clicks\nold,100,3\nnew,90,4\n")
    ingest(warehouse, LogSource(str(tmp_path / "test.csv"), "split-test", "banner"), NOW)
    with pytest.raises(UnknownLog, match="log 'banner' is a split-test log, and no phase judges by one"):
        prepared(local_runs, inputs, warehouse, "banner", ["banner"])


def lag(local_runs: LocalRuns) -> float:
    return local_runs.config().economics.lag_days
