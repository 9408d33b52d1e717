"""Ingestion: real and dirty logs into the warehouse; nothing bad gets in, nothing is silently dropped."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaelp.records.logs import ingestion, log_files
from gaelp.records.logs.ingestion import IngestError, IngestReport, LogExists, LogSource, ingest, look
from gaelp.records.logs.stored_logs import (
    UnknownLog,
    known_logs,
    load_bandit,
    load_market,
    load_report,
    log_info,
    split,
)
from gaelp.records.warehouse.warehouse import Warehouse, WarehouseUnavailable
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse

DATA = Path(__file__).resolve().parents[5] / "shared" / "data"  # ../shared/data
NOW = datetime(2026, 3, 1, tzinfo=UTC)
HEADER = "id,timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,user-item_affinity_0"
DAYS = "date;campaign;impressions;clicks;cost;currency"
AMBIGUOUS = [f"2026-03-{1 + n % 20:02d};{n};10;1;1.204;EUR" for n in range(60)] + ["2026-03-21;a;10;1;3,50;EUR"]
real_data = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = open_warehouse(str(tmp_path / "warehouse"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Holds the real logs, ingested once."""
    opened = open_warehouse(str(tmp_path_factory.mktemp("warehouse")))
    yield opened
    opened.close()


def row(number: int, **changed: Any) -> str:
    fields = {
        "id": number, "timestamp": f"2026-01-{1 + number // 24:02d} {number % 24:02d}:00:00+00:00",
        "item_id": number % 3, "position": 1, "click": number % 2, "propensity_score": 0.5,
        "u0": f"u{number % 2}", "u1": "ü", "affinity": 0.0,
    }  # fmt: skip
    return ",".join(str(value) for value in (fields | changed).values())


def log(tmp_path: Path, *lines: str, name: str = "log.csv", header: str = HEADER) -> str:
    path = tmp_path / name
    path.write_bytes("\n".join((header, *lines)).encode() + b"\n")
    return str(path)


def bandit(warehouse: Warehouse, path: str, name: str = "log", **options: Any) -> IngestReport:
    return ingest(warehouse, LogSource(path, "bandit", name, **{"most_rejected": 1.0} | options), NOW)


def rejected(warehouse: Warehouse) -> list[tuple[int, str, str]]:
    rows = warehouse.query("SELECT line, reason, raw FROM rejected_rows ORDER BY line")
    return [(each["line"], each["reason"], each["raw"]) for each in rows]


class TestRows:
    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"timestamp": "yesterday"}, "timestamp is not a date and time between 1995 and 2100"),
            ({"timestamp": "2026-02-30"}, "timestamp is not a date and time between 1995 and 2100"),
            ({"timestamp": ""}, "timestamp is not a date and time between 1995 and 2100"),
            ({"item_id": ""}, "item_id is blank"),
            ({"timestamp": "1900-01-01"}, "timestamp is not a date and time between 1995 and 2100"),
            ({"position": -1}, "position is not a non-negative integer"),
            ({"position": 1.5}, "position is not a non-negative integer"),
            ({"click": 2}, "click is not 0 or 1"),
            ({"click": ""}, "click is not 0 or 1"),
            ({"propensity_score": 0}, "propensity is not in (0, 1]"),
            ({"propensity_score": 1.01}, "propensity is not in (0, 1]"),
            ({"propensity_score": "nan"}, "propensity is not in (0, 1]"),
            ({"propensity_score": "inf"}, "propensity is not in (0, 1]"),
            ({"propensity_score": -0.5}, "propensity is not in (0, 1]"),
            ({"id": 0}, "duplicate of an earlier row"),
            ({"affinity": "1,2"}, "wrong number of columns"),
            ({"u0": '"open'}, "unclosed or stray quote"),
        ],
    )
    def test_a_bad_row_is_kept_aside_with_its_line_reason_and_text(
        self, warehouse: Warehouse, tmp_path: Path, changed: dict[str, Any], reason: str
    ) -> None:
        """One bad row among good ones is counted under its reason and kept word for word; the others are taken."""
        report = bandit(warehouse, log(tmp_path, row(0), row(1), row(2, **changed), row(3)))
        assert (report.rows, report.rejected, report.reasons) == (3, 1, {reason: 1})
        assert rejected(warehouse) == [(4, reason, row(2, **changed))]
        assert len(load_bandit(warehouse, "log")["click"]) == 3

    def test_bytes_that_are_no_text_spoil_their_row_only(self, warehouse: Warehouse, tmp_path: Path) -> None:
        """A line that is not UTF-8 is kept aside in a readable form."""
        path = tmp_path / "log.csv"
        path.write_bytes(f"{HEADER}\n{row(0)}\n".encode() + b"\xff\xfe,1\n" + f"{row(1)}\n".encode())
        assert bandit(warehouse, str(path)).reasons == {"not UTF-8": 1}
        assert rejected(warehouse) == [(3, "not UTF-8", r"\xff\xfe,1")]

    def test_rows_without_an_id_may_be_equal(self, warehouse: Warehouse, tmp_path: Path) -> None:
        """In a bandit log that names no rows, two equal rows are two impressions."""
        header, line = HEADER.removeprefix("id,"), row(1).removeprefix("1,")
        assert bandit(warehouse, log(tmp_path, line, line, header=header)).rows == 2

    def test_a_duplicate_far_below_is_found(
        self, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Parts of a long log know each other's rows, and lines keep their numbers."""
        monkeypatch.setattr(log_files, "_BLOCK", 256)
        monkeypatch.setattr(log_files, "LONGEST_LINE", 200)
        report = bandit(warehouse, log(tmp_path, *(row(n) for n in range(10)), row(1), row(3, click=7)))
        assert (report.rows, report.rejected) == (10, 2)
        assert [line for line, _, _ in rejected(warehouse)] == [12, 13]

    def test_a_file_that_changes_while_it_is_read_is_refused(
        self, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where a row repeats another, and where a later line shows how a column is written, it is read once more."""
        repeated = Path(log(tmp_path, row(0), row(0)))
        settled = Path(log(tmp_path, *AMBIGUOUS, name="days.csv", header=DAYS))
        judge, grows, last = ingestion.Judge, repeated, row(2)

        def grown(*arguments: Any) -> Any:
            grows.write_text(grows.read_text() + last + "\n")
            return judge(*arguments)

        monkeypatch.setattr(ingestion, "Judge", grown)
        with pytest.raises(IngestError, match="changed while it was read"):
            bandit(warehouse, str(repeated))
        monkeypatch.setattr(log_files, "_BLOCK", 512)
        monkeypatch.setattr(log_files, "LONGEST_LINE", 512)
        grows, last = settled, AMBIGUOUS[-1]
        with pytest.raises(IngestError, match="changed while it was read"):
            ingest(warehouse, LogSource(str(settled), "report", "days"), NOW)
        assert known_logs(warehouse) == []

    def test_what_a_late_line_shows_holds_for_the_first_ones_too(
        self, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """1.204 was read as a number with a fraction, until the last line has a comma before its own."""
        path = log(tmp_path, *AMBIGUOUS, header=DAYS)
        whole = look(LogSource(path, "report", "days"))
        monkeypatch.setattr(log_files, "_BLOCK", 512)
        monkeypatch.setattr(log_files, "LONGEST_LINE", 512)
        report = ingest(warehouse, LogSource(path, "report", "days"), NOW)
        assert report.rows == whole.rows == len(AMBIGUOUS)
        assert report.sums == whole.sums and report.sums["cost EUR"] == 60 * 1204 + 3.5

    def test_a_known_file_is_not_judged_again(
        self, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """That a log is there already is seen by its digest alone."""
        path = log(tmp_path, row(0), row(1))
        bandit(warehouse, path)
        monkeypatch.delattr(ingestion, "cut_lines")
        assert bandit(warehouse, path).already

    def test_a_spreadsheet_s_habits_are_forgiven(self, warehouse: Warehouse, tmp_path: Path) -> None:
        """A byte order mark, Windows line ends, blank lines and 1.0 for 1 are no errors."""
        path = tmp_path / "log.csv"
        text = "\ufeff" + "\r\n".join((HEADER, row(0, click="1.0"), "", row(1, item_id=2), ""))
        path.write_bytes(text.encode())
        report = bandit(warehouse, str(path))
        assert (report.rows, report.rejected) == (2, 0)


class TestLogs:
    def test_the_same_file_again_changes_nothing(self, warehouse: Warehouse, tmp_path: Path) -> None:
        """A second ingestion, of the zipped file too, says `already` and adds no row."""
        path = log(tmp_path, row(0), row(1, click=9), row(2))
        zipped = tmp_path / "log.csv.gz"
        zipped.write_bytes(gzip.compress(Path(path).read_bytes()))
        first = bandit(warehouse, path)
        for again in (path, str(zipped)):
            same = {"name", "kind", "rows", "rejected", "reasons", "notes", "window_start", "window_end"}
            second = bandit(warehouse, again)
            assert second.already and second.model_dump(include=same) == first.model_dump(include=same)
        assert warehouse.query("SELECT COUNT(*) AS n FROM bandit_rows") == [{"n": 2}]
        assert warehouse.query("SELECT COUNT(*) AS n FROM rejected_rows") == [{"n": 1}]

    def test_other_content_under_a_taken_name_is_refused(self, warehouse: Warehouse, tmp_path: Path) -> None:
        """A log is never overwritten: other rows, or another reading of the same rows, need another name."""
        path = log(tmp_path, row(0), row(1))
        bandit(warehouse, path)
        with pytest.raises(LogExists, match=r"'log' exists with other content.*another --name"):
            bandit(warehouse, log(tmp_path, row(0), name="other.csv"))
        with pytest.raises(LogExists):
            bandit(warehouse, path, mapping={"user_feature_0": "user_feature_1"})
        assert len(load_bandit(warehouse, "log")["click"]) == 2

    def test_what_an_interrupted_ingestion_left_is_not_read(
        self, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rows without their log's last row do not count, and the next attempt takes each row once."""
        path = log(tmp_path, *(row(n) for n in range(4)))
        append = warehouse.append

        def fail(table: str, *arguments: Any) -> int:
            if table == "logs":
                raise WarehouseUnavailable("cut off")
            return append(table, *arguments)

        with monkeypatch.context() as cut:
            cut.setattr(warehouse, "append", fail)
            with pytest.raises(WarehouseUnavailable, match="cut off"):
                bandit(warehouse, path)
        with pytest.raises(UnknownLog, match=r"no log 'log'; ingested logs: none yet"):
            load_bandit(warehouse, "log")
        bandit(warehouse, log(tmp_path, row(7), name="other.csv"))
        assert load_bandit(warehouse, "log")["time_us"].shape == (1,)
        assert bandit(warehouse, path, name="first").rows == 4
        assert load_bandit(warehouse, "first")["time_us"].shape == (4,)

    def test_foreign_headers_are_mapped(self, warehouse: Warehouse, tmp_path: Path) -> None:
        """`mapping` goes from our names to the file's; item ids may be text where an item file lists them."""
        items = tmp_path / "items.csv"
        items.write_text("sku,price,colour\nshoe,2.5,red\nhat,1,blue\nbag,4,red\n")
        path = log(
            tmp_path, "2026-01-01T10:00:00Z,hat,0.25,1,de", "2026-01-01T09:00:00+02:00,bag,0.5,0,fr",
            "2026-01-01T09:30:00Z,sock,0.5,0,fr", header="ts,product,p,clicked,country",
        )  # fmt: skip
        names = {"timestamp": "ts", "item_id": "product", "propensity_score": "p", "click": "clicked"}
        mapping = names | {"user_feature_0": "country"}
        items.write_text(items.read_text().replace("sku", "product"))
        report = bandit(warehouse, path, mapping=mapping, items=str(items))
        assert (report.rows, report.reasons) == (2, {"item is not in the item file": 1})
        arrays = load_bandit(warehouse, "log")
        assert arrays["item_ids"].tolist() == ["shoe", "hat", "bag"]
        assert arrays["action"].tolist() == [2, 1]  # by time: 07:00 UTC, then 10:00
        assert arrays["hour"].tolist() == [7, 10] and arrays["weekday"].tolist() == [3, 3]  # a Thursday
        assert arrays["user_features"].tolist() == [["fr"], ["de"]]
        assert arrays["candidate_features"].tolist() == [[2.5, 0, 1], [1, 1, 0], [4, 0, 1]]
        assert arrays["position"].tolist() == [1, 1]

    def test_user_features_are_shown_and_kept_in_the_order_of_their_numbers(
        self, warehouse: Warehouse, tmp_path: Path
    ) -> None:
        """The tenth comes after the second, and what each column became says so."""
        ours = [f"user_feature_{number}" for number in (10, 2, *range(2), *range(3, 10))]
        path = log(
            tmp_path, ",".join(("2026-01-01T10:00:00Z,hat,0.25,1", *(f"v{name[13:]}" for name in ours))),
            header=",".join(("timestamp,item_id,propensity_score,click", *ours)),
        )  # fmt: skip
        found = {each.name: each.header for each in bandit(warehouse, path).columns}
        assert [found[f"user_feature_{number}"] for number in range(11)] == [
            f"user_feature_{number}" for number in range(11)
        ]
        assert load_bandit(warehouse, "log")["user_features"].tolist() == [[f"v{number}" for number in range(11)]]

    def test_items_nobody_described_are_told_apart(self, warehouse: Warehouse, tmp_path: Path) -> None:
        """Without an item file each item has a feature of its own."""
        bandit(warehouse, log(tmp_path, row(0), row(1), row(2)))
        assert np.array_equal(load_bandit(warehouse, "log")["candidate_features"], np.eye(3, dtype=np.float32))

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("", "is empty"),
            ("\n\n", "is empty"),
            (HEADER + "\n", "not one good bandit row; it has a header and nothing else"),
            (
                "date,cost\n2026-01-01,1\n",
                "no column timestamp, item_id, click, propensity_score.*--map timestamp=COLUMN",
            ),
            (f"{HEADER}\n{row(0, click=5)}\n{row(1, click=5)}\n", "2 of 2 rows: click is not 0 or 1"),
            (
                "\n".join((HEADER, *(row(n, timestamp="2026-01-01", item_id=n) for n in range(1025)))),
                "1025 items: above 1024 items give an item",
            ),
        ],
    )
    def test_a_file_that_is_no_such_log_is_refused(
        self, warehouse: Warehouse, tmp_path: Path, text: str, says: str
    ) -> None:
        """A wrong file is one sentence, and leaves no log behind."""
        path = tmp_path / "log.csv"
        path.write_text(text)
        with pytest.raises(IngestError, match=says) as refusal:
            bandit(warehouse, str(path))
        assert "\n" not in str(refusal.value)
        assert known_logs(warehouse) == []

    def test_a_file_that_cannot_be_read_is_refused(self, warehouse: Warehouse, tmp_path: Path) -> None:
        """Absent, a folder, binary, and a broken archive each say so."""
        whole = gzip.compress("\n".join((HEADER, *(row(n) for n in range(500)))).encode())
        (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "binary").write_bytes(b"\x00\x01\x02")
        (tmp_path / "latin").write_bytes(b"\xe9t\xe9,click\n")
        names = HEADER.encode() + b",W\xe4hrung\n"
        (tmp_path / "below").write_bytes(b"My clicks\n" + names + row(0).encode() + b",EUR\n")
        for name, says in (
            ("absent", "there is no file"), ("cut.csv.gz", "cannot be read"), (".", "cannot be read"),
            ("binary", "is not a text file"), ("latin", "is not a text file"),
            ("below", "its header on line 2 is not UTF-8, so that a column may be missed"),
        ):  # fmt: skip
            with pytest.raises(IngestError, match=says):
                bandit(warehouse, str(tmp_path / name))

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"name": "../x"}, "log '../x' is not a valid name"),
            ({"name": "A"}, "is not a valid name"),
            ({"kind": "click"}, "no kind of log 'click': it is bandit, market, report, split-test"),
            ({"mapping": {"time": "timestamp"}}, "a bandit log has no 'time'; it has timestamp, item_id"),
            ({"mapping": {"click": "clicked"}}, "has no column 'clicked'; it has id, timestamp"),
            ({"items": "absent.csv"}, "there is no file absent.csv"),
        ],
    )
    def test_wrong_options_are_refused(
        self, warehouse: Warehouse, tmp_path: Path, options: dict[str, Any], says: str
    ) -> None:
        """A wrong name, kind, mapping or item file is refused before anything is stored."""
        path = log(tmp_path, row(0))
        with pytest.raises(IngestError, match=says):
            ingest(warehouse, LogSource(path, **({"kind": "bandit", "name": "log"} | options)), NOW)
        assert known_logs(warehouse) == []

    def test_an_unknown_log_names_those_there_are(self, warehouse: Warehouse, tmp_path: Path) -> None:
        """Asking for another log, or for one as another kind, says what there is."""
        bandit(warehouse, log(tmp_path, row(0)))
        with pytest.raises(UnknownLog, match="no log 'other'; ingested logs: log"):
            log_info(warehouse, "other")
        with pytest.raises(UnknownLog, match="is a bandit log; this needs a market log"):
            load_market(warehouse, "log")


class TestSplit:
    def test_nothing_later_is_in_the_earlier_part(self, warehouse: Warehouse, tmp_path: Path) -> None:
        """The parts are disjoint in time, whole together, and share the items."""
        lines = [row(n, timestamp=f"2026-01-01 00:00:{n % 5:02d}") for n in range(20)]
        bandit(warehouse, log(tmp_path, *lines))
        arrays = load_bandit(warehouse, "log")
        earlier, later = split(arrays, 0.5)
        assert earlier["time_us"].max() < later["time_us"].min()
        assert len(earlier["click"]) + len(later["click"]) == 20
        assert len(earlier["click"]) in (8, 12)  # rows of one second stay together
        assert earlier["candidate_features"] is later["candidate_features"]

    @pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 1.5])
    def test_a_share_that_cannot_split_is_refused(self, share: float) -> None:
        """A share lies strictly between 0 and 1."""
        with pytest.raises(ValueError, match="lies between 0 and 1"):
            split({"time_us": np.arange(4)}, share)

    def test_a_log_of_one_instant_cannot_be_split(self) -> None:
        """Neither part may be empty."""
        with pytest.raises(ValueError, match="one part would be empty"):
            split({"time_us": np.zeros(4, np.int64)}, 0.5)


@real_data
class TestRealLogs:
    @pytest.mark.parametrize(
        ("campaign", "clicks", "items", "features"),
        [("random/all", 38, 80, 41), ("bts/all", 42, 80, 41), ("random/men", 46, 34, 28), ("bts/men", 69, 34, 28)],
    )
    def test_open_bandit_needs_no_mapping(
        self, shared: Warehouse, campaign: str, clicks: int, items: int, features: int
    ) -> None:
        """Each Open Bandit log comes in whole in under 2 s, with its clicks, items and four user features."""
        policy, name = campaign.split("/")
        begin = time.process_time()
        report = bandit(shared, str(DATA / "obd" / campaign / f"{name}.csv.gz"), name=f"{policy}-{name}")
        assert time.process_time() - begin < 2.0
        assert (report.rows, report.rejected, report.notes) == (10_000, 0, {})
        arrays = load_bandit(shared, f"{policy}-{name}")
        assert arrays["click"].sum() == clicks
        assert arrays["candidate_features"].shape == (items, features)
        assert arrays["candidate_features"].dtype == np.float32
        assert arrays["user_features"].shape == (10_000, 4) and arrays["user_features"].dtype.kind == "U"
        assert (np.diff(arrays["time_us"]) >= 0).all()
        assert 0 < arrays["propensity"].min() and arrays["propensity"].max() <= 1
        assert {name: str(arrays[name].dtype) for name in ("position", "action", "click")} == dict.fromkeys(
            ("position", "action", "click"), "int64"
        )
        assert set(arrays["weekday"]) == set(range(7)) and set(arrays["hour"]) == set(range(24))

    def test_a_campaign_report_s_dirt_is_found(self, shared: Warehouse) -> None:
        """Duplicates and impossible clicks are rejected; blank placements, conversions above clicks and free

        impressions are kept and counted: one of the 329 such rows is itself a duplicate.
        """
        report = ingest(shared, LogSource(str(DATA / "display_campaigns_2020q2.csv.gz"), "report", "display"), NOW)
        assert (report.rows, report.rejected) == (15_408 - 7, 7)
        assert report.reasons == {"duplicate of an earlier row": 5, "clicks exceed impressions": 2}
        assert report.notes == {
            "placement is blank": 413,
            "conversions exceed clicks": 328,
            "cost is 0 although there are impressions": 57,
        }
        arrays = load_report(shared, "display")
        assert len(set(arrays["day"])) == 91 and len(set(arrays["campaign"])) == 3
        assert (arrays["clicks"] <= arrays["impressions"]).all()
        assert arrays["cost_micros"].dtype == np.int64
        assert arrays["cost_micros"].sum() == pytest.approx(175_193e6, rel=1e-3)

    def test_market_logs_of_both_forms(self, shared: Warehouse) -> None:
        """iPinYou comes tab-separated without a header, or as csv with its own names."""
        train = DATA / "ipinyou_1458" / "ipinyou_1458_rtbcontrol_train.txt.gz"
        report = ingest(shared, LogSource(str(train), "market", "ipinyou"), NOW)
        assert (report.rows, report.rejected, report.window_start) == (100_000, 0, None)
        arrays = load_market(shared, "ipinyou")
        assert arrays["market_price"][:3].tolist() == [51, 87, 33] and arrays["line"][:2].tolist() == [1, 2]
        assert arrays["pctr"][0] == 0.000154 and arrays["exchange"][0] == "1" and (arrays["bid"] == -1).all()
        earlier, later = split(arrays, 0.5)
        assert len(earlier["click"]) == len(later["click"]) == 50_000
        sample = ingest(shared, LogSource(str(DATA / "ipinyou_2259_sample.csv.gz"), "market", "sample"), NOW)
        assert (sample.rows, sample.rejected) == (4_570, 0)
        arrays = load_market(shared, "sample")
        assert (arrays["market_price"] <= arrays["bid"]).all() and np.isnan(arrays["pctr"]).all()
        assert log_info(shared, "sample").window_start == datetime(2013, 10, 19, tzinfo=UTC)


def test_impossible_market_and_report_rows_are_rejected(warehouse: Warehouse, tmp_path: Path) -> None:
    """A price above the bid, a negative amount and a fraction of a click are kept aside."""
    market = log(tmp_path, "0,51,300,0.1", "1,301,300,0.1", "0,5,,", header="click,market_price,bid,pctr")
    report = ingest(warehouse, LogSource(market, "market", "market", most_rejected=0.5), NOW)
    assert (report.rows, report.reasons) == (2, {"market price exceeds the bid": 1})
    lines = ("2026-01-01,a,10,1,2.5", "2026-01-01,b,10,1,-2.5", "2026-01-02,a,10,0.5,1", "2026-01-03,a,10,1,1e-6")
    rows = log(tmp_path, *lines, header="date,campaign,impressions,clicks,cost")
    report = ingest(warehouse, LogSource(rows, "report", "report", most_rejected=0.5), NOW)
    assert report.reasons == {"cost is not an amount of 0 or more": 1, "clicks is not a non-negative integer": 1}
    arrays = load_report(warehouse, "report")
    assert arrays["cost_micros"].tolist() == [2_500_000, 1] and np.isnan(arrays["conversions"]).all()
