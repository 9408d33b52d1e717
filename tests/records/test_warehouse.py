"""The conformance kit of warehouses, run on the embedded one and on BigQuery's emulator."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from gaelp.records.warehouse.schema import TABLES, VIEWS
from gaelp.records.warehouse.warehouse import Warehouse, WarehouseError, WarehouseUnavailable
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support.giving_up import gives_up_soon
from tests.support.servers import BIGQUERY_PROJECT, Server, free_port

AT = datetime(2026, 3, 1, 23, 59, 59, 123456, tzinfo=UTC)


@pytest.fixture(params=["duckdb", "bigquery"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where a new, empty warehouse may be, on each back end."""
    if request.param == "duckdb":
        return str(tmp_path / "warehouse")
    server: Server = request.getfixturevalue("bigquery")
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", server.address)
    return f"bigquery://{BIGQUERY_PROJECT}/kit_{secrets.token_hex(4)}"


@pytest.fixture
def warehouse(url: str) -> Iterator[Warehouse]:
    opened = open_warehouse(url)
    yield opened
    opened.close()


@pytest.fixture
def another(url: str) -> Iterator[Warehouse]:
    """The same warehouse, opened a second time."""
    opened = open_warehouse(url)
    yield opened
    opened.close()


def episode(number: int, **changed: Any) -> dict[str, Any]:
    row = {
        "run": "a", "at": AT, "phase": "simulation", "episode": f"a/simulation/batch-{number:04d}",
        "state": "settled", "episodes": 4, "reward": 0.5, "spend_micros": 1_000_000 * number,
    }  # fmt: skip
    return row | changed


def entry(sequence: int, kind: str, amount: int, *, at: datetime = AT, day: int = 0) -> dict[str, Any]:
    return {
        "run": "a", "at": at, "sequence": sequence, "kind": kind, "account": "acme", "phase": "live-test",
        "campaign": "a/live-test/campaign-00", "key": f"a/live-test/campaign-00/day-{day:03d}",
        "amount_micros": amount, "detail": f'{{"day":"2026-02-{20 + day}"}}',
    }  # fmt: skip


class TestEveryWarehouse:
    def test_tables_and_views_can_be_asked_while_empty(self, warehouse: Warehouse) -> None:
        """A fresh warehouse answers with no rows."""
        for name in (*VIEWS, "logs", "bandit_rows"):  # the views name most tables; an emulated query takes a second
            assert warehouse.query(f"SELECT * FROM {name}") == []  # noqa: S608

    def test_a_batch_twice_is_there_once(self, warehouse: Warehouse, another: Warehouse) -> None:
        """The same batch appended again, even by another process with another clock, adds nothing and says so."""
        rows = [episode(1), episode(2)]
        assert warehouse.append("episodes", rows, "a/round-0") == 2
        assert warehouse.append("episodes", rows, "a/round-0") == 0
        later = [row | {"at": AT + timedelta(days=1)} for row in rows]
        assert another.append("episodes", later, "a/round-0") == 0
        assert warehouse.query("SELECT COUNT(*) AS n, MIN(day) AS d FROM episodes") == [{"n": 2, "d": AT.date()}]

    def test_equal_rows_of_two_batches_are_two_rows(self, warehouse: Warehouse) -> None:
        """Only the batch's name makes rows the same; so do two names that differ in a slash."""
        for batch in ("a/b", "a-b", "a_b"):
            assert warehouse.append("episodes", [episode(1)], batch) == 1
        assert warehouse.query("SELECT COUNT(*) AS n FROM episodes")[0]["n"] == 3

    def test_values_come_back_as_they_went(self, warehouse: Warehouse) -> None:
        """Nulls, text, 64-bit integers, floats and times to the microsecond in another zone survive."""
        local = AT.astimezone(timezone(timedelta(hours=-8)))
        text = "ünï \U0001f600 'quoted' \\ \n line"
        row = episode(1, reason=text, profit_micros=-(2**62), reward=0.1 + 0.2, at=local, regret=None)
        warehouse.append("episodes", [row], "one")
        (back,) = warehouse.query("SELECT * FROM episodes")
        assert (back["reason"], back["profit_micros"], back["reward"], back["regret"]) == (
            text,
            -(2**62),
            0.1 + 0.2,
            None,
        )
        assert back["at"] == AT and back["at"].utcoffset() == timedelta(0)
        assert back["day"] == date(2026, 3, 1)  # UTC's day, whatever the zone of `at`

    def test_parameters_are_values_and_never_sql(self, warehouse: Warehouse) -> None:
        """Text, numbers, days, times and lists go in as parameters; a hostile one finds nothing."""
        warehouse.append("episodes", [episode(n, episodes=n) for n in range(1, 5)], "many")
        sql = "SELECT episodes FROM episodes WHERE run = @run AND day = @day AND at <= @at AND reward < @r"
        values = {"run": "a", "day": AT.date(), "at": AT, "r": 0.75}
        assert len(warehouse.query(sql, values)) == 4
        assert warehouse.query(sql, values | {"run": "a' OR '1'='1"}) == []
        chosen = "SELECT episodes FROM episodes WHERE episodes IN UNNEST(@wanted) ORDER BY episodes DESC"
        assert [row["episodes"] for row in warehouse.query(chosen, {"wanted": [2, 4, 9]})] == [4, 2]

    def test_windows_quantiles_and_json_mean_the_same(self, warehouse: Warehouse) -> None:
        """QUALIFY, running sums, COUNTIF, SAFE_DIVIDE, CORR and JSON_VALUE answer alike, integers as integers."""
        rows = [episode(n, episodes=n, reward=n / 8, reason=f'{{"k": ["v{n}"]}}') for n in range(1, 5)]
        warehouse.append("episodes", rows, "many")
        running = warehouse.query(
            "SELECT episodes, SUM(episodes) OVER (ORDER BY episodes) AS total, "
            "JSON_VALUE(reason, '$.k[0]') AS k FROM episodes "
            "QUALIFY ROW_NUMBER() OVER (ORDER BY episodes DESC) <= 2 ORDER BY episodes"
        )
        assert running == [{"episodes": 3, "total": 6, "k": "v3"}, {"episodes": 4, "total": 10, "k": "v4"}]
        assert all(type(row["total"]) is int for row in running)
        (summary,) = warehouse.query(
            "SELECT COUNTIF(reward > 0.2) AS n, SAFE_DIVIDE(1, COUNTIF(reward > 9)) AS none, "
            "ROUND(CORR(episodes, reward), 6) AS r, SUM(spend_micros) AS spend FROM episodes"
        )
        assert summary == {"n": 3, "none": None, "r": 1.0, "spend": 10_000_000}

    def test_a_run_is_summed_up(self, warehouse: Warehouse) -> None:
        """v_run_summary joins start, end, episodes and gates; the mean reward is weighted by episodes."""
        warehouse.append("runs", [{"run": "a", "at": AT, "event": "started", "agent": "uniform"}], "a/begin")
        warehouse.append("episodes", [episode(1), episode(2, episodes=12, reward=0.9), episode(3, reward=None)], "b")
        warehouse.append("episodes", [episode(4, state="failed", reward=None)], "c")
        gate = {
            "run": "a",
            "at": AT,
            "phase": "simulation",
            "attempt": 1,
            "verdict": "PASS",
            "criterion_verdict": "PASS",
        }
        warehouse.append("verdicts", [gate | {"criterion": c, "criterion_verdict": "PASS"} for c in ("1", "2")], "g")
        warehouse.append("runs", [{"run": "b", "at": AT, "event": "started"}], "b/begin")
        end = {
            "run": "a",
            "at": AT + timedelta(hours=1),
            "event": "ended",
            "outcome": "stopped",
            "spend_micros": 5,
        }
        warehouse.append("runs", [end], "a/end")
        a, b = warehouse.query("SELECT * FROM v_run_summary ORDER BY run")
        assert (a["agent"], a["outcome"], a["spend_micros"], a["episodes"]) == ("uniform", "stopped", 5, 20)
        assert (a["gates"], a["gates_passed"]) == (1, 1)
        assert a["reward"] == pytest.approx((4 * 0.5 + 12 * 0.9) / 16)
        assert (b["outcome"], b["ended_at"], b["episodes"], b["gates"]) == (None, None, 0, 0)

    def test_spend_is_the_last_absolute_amount_of_each_day(self, warehouse: Warehouse) -> None:
        """v_spend_by_day takes the latest post or settlement of a key, on the ad account's day, and no reservation."""
        rows = [
            entry(1, "reserve", 50), entry(2, "post", 10), entry(3, "post", 30), entry(4, "settle", 25),
            entry(5, "reserve", 50, day=1), entry(6, "post", 7, day=1, at=AT + timedelta(hours=1)),
        ]  # fmt: skip
        warehouse.append("spend", rows, "journal")
        found = warehouse.query("SELECT day, spend_micros, campaign_days FROM v_spend_by_day ORDER BY day")
        assert found == [
            {"day": date(2026, 2, 20), "spend_micros": 25, "campaign_days": 1},
            {"day": date(2026, 2, 21), "spend_micros": 7, "campaign_days": 1},
        ]

    def test_columns_give_the_same_as_rows(self, warehouse: Warehouse) -> None:
        """The columnar answer holds the same values."""
        warehouse.append("episodes", [episode(n) for n in range(3)], "many")
        sql = "SELECT episode, spend_micros FROM episodes ORDER BY episode"
        assert warehouse.columns(sql).to_pylist() == warehouse.query(sql)

    @pytest.mark.parametrize(
        ("table", "row", "names"),
        [
            ("nothing", {}, "no table 'nothing'"),
            ("episodes", episode(1, colour="red"), "no column colour"),
            ("episodes", episode(1, phase=None), "column phase: a required value is missing in row 0"),
            ("episodes", episode(1, clicks="many"), "column clicks is INT64"),
            ("episodes", episode(1, clicks=2**70), "column clicks is INT64"),
            ("episodes", episode(1, at=AT.replace(tzinfo=None), day=AT.date()), "no time zone"),
        ],
    )
    def test_a_wrong_row_is_refused_by_name(
        self, warehouse: Warehouse, table: str, row: dict[str, Any], names: str
    ) -> None:
        """A wrong table, column, type or naive time is refused in one sentence, and nothing of the batch is stored."""
        with pytest.raises(WarehouseError, match=names):
            warehouse.append(table, [episode(0), row] if table in TABLES and "phase: " not in names else [row], "bad")
        assert warehouse.query("SELECT COUNT(*) AS n FROM episodes")[0]["n"] == 0

    def test_a_wrong_query_is_refused(self, warehouse: Warehouse) -> None:
        """An unknown table, a missing parameter and text that is not SQL raise our own error."""
        for sql in ("SELECT * FROM nothing", "SELECT @missing AS x", "SELEC 1"):
            with pytest.raises(WarehouseError):
                warehouse.query(sql)


def test_a_query_reads_nothing_but_the_warehouse(tmp_path: Path) -> None:
    """DuckDB may neither write nor read files outside the warehouse's folder."""
    outside = tmp_path / "secret.csv"
    outside.write_text("a\n1\n")
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    reading = f"SELECT * FROM read_csv('{outside}')"  # noqa: S608
    for sql in (reading, "DELETE FROM runs", "SELECT 1; SELECT 2"):
        with pytest.raises(WarehouseError):
            warehouse.query(sql)
    warehouse.close()


def test_attempts_at_the_same_moment_leave_one_batch(tmp_path: Path) -> None:
    """Eight attempts at one batch at once, with different clocks, append it once and one of them says so.

    Not in the kit: BigQuery gives a job id to one caller only, but its emulator looks, then stores, and can take two.
    """
    warehouse = open_warehouse(str(tmp_path))
    rows = [[episode(1, at=AT + timedelta(days=number))] for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda batch: warehouse.append("episodes", batch, "race"), rows))
    assert sorted(new) == [0] * 7 + [1]
    assert warehouse.query("SELECT at FROM episodes") == [{"at": rows[new.index(1)][0]["at"]}]
    warehouse.close()


def test_a_crash_between_the_two_links_is_healed_by_the_retry(tmp_path: Path) -> None:
    """A batch that was claimed and not yet shown is shown by the retry, as the first attempt wrote it."""
    warehouse = open_warehouse(str(tmp_path))
    warehouse.append("episodes", [episode(1)], "batch")
    (shown,) = tmp_path.glob("episodes/day=*/*.parquet")
    shown.unlink()
    assert warehouse.append("episodes", [episode(2, at=AT + timedelta(days=3))], "batch") == 0
    assert [row["episode"] for row in warehouse.query("SELECT episode FROM episodes")] == [episode(1)["episode"]]
    warehouse.close()


def test_files_without_a_later_column_are_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows written before a column was added come back with a null there."""
    from dataclasses import replace

    from gaelp.records.warehouse import schema

    new, table = open_warehouse(str(tmp_path)), schema.TABLES["episodes"]
    with monkeypatch.context() as older:
        older.setitem(schema.TABLES, "episodes", replace(table, columns=table.columns[:-1]))
        new.append("episodes", [episode(1)], "old")
    new.append("episodes", [episode(2, reason="new")], "new")
    assert [row["reason"] for row in new.query("SELECT reason FROM episodes ORDER BY episode")] == [None, "new"]
    new.close()


@pytest.mark.parametrize("url", ["bigquery://only-a-project", "bigquery://p/d/more", "s3://bucket/place"])
def test_an_address_that_is_no_warehouse_is_refused(url: str) -> None:
    """Only a folder and bigquery://PROJECT/DATASET are warehouses."""
    with pytest.raises(WarehouseError, match=r"bigquery://PROJECT/DATASET"):
        open_warehouse(url)


def test_bigquery_killed_after_an_append_loses_nothing(bigquery: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 right after `append` returned: the rows are there, and the retry still adds none."""
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", bigquery.address)
    warehouse = open_warehouse(f"bigquery://{BIGQUERY_PROJECT}/kill_{secrets.token_hex(4)}")
    assert warehouse.append("episodes", [episode(1), episode(2)], "batch") == 2
    bigquery.kill()
    bigquery.start()
    assert warehouse.query("SELECT COUNT(*) AS n FROM episodes")[0]["n"] == 2
    assert warehouse.append("episodes", [episode(1), episode(2)], "batch") == 0
    assert warehouse.query("SELECT COUNT(*) AS n FROM episodes")[0]["n"] == 2
    warehouse.close()


def test_an_absent_bigquery_is_named_within_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing listens, one sentence names the address and the remedy, soon."""
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", address)
    warehouse = open_warehouse("bigquery://p/d")
    with gives_up_soon(), pytest.raises(WarehouseUnavailable, match=rf"{address}.*GAELP_WAREHOUSE_URL"):
        warehouse.query("SELECT 1")
    warehouse.close()
