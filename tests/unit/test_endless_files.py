"""A file whose line does not end is a short sentence, and a bounded amount of it is read: of every kind of file."""

from __future__ import annotations

import gzip
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gaelp.errors import GaelpError
from gaelp.ledger.signatures import BadKey, read_key
from gaelp.records.logs.ingestion import IngestError, LogSource, ingest
from gaelp.records.logs.log_files import LONGEST_LINE, content_digest
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support.configurations import only, refused
from tests.support.made_logs import write_log

SIZE = 50_000_000_000  # of a file with holes: nothing of it is on the disk
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def endless(path: Path, beginning: bytes = b"") -> Path:
    with path.open("wb") as file:
        file.write(beginning)
        file.truncate(SIZE)
    path.chmod(0o600)
    return path


@contextmanager
def bounded(megabytes: int) -> Iterator[None]:
    """Fails where the block takes long or much memory."""
    tracemalloc.start()
    begun = time.process_time()
    try:
        yield
        assert time.process_time() - begun < 5 and tracemalloc.get_traced_memory()[1] < megabytes * 1_000_000
    finally:
        tracemalloc.stop()


def short(error: GaelpError) -> str:
    said = str(error)
    assert len(said) < 400 and "\n" not in said, said
    return said


@pytest.mark.parametrize("beginning", [b"", b"profile: quick-test\nproduct: ", b"simulation:\n  rounds: 3\n"])
def test_an_endless_configuration(tmp_path: Path, beginning: bytes) -> None:
    """From its first line or later, a configuration of 50 GB is refused after the first megabyte."""
    with bounded(20):
        problem = only(refused(endless(tmp_path / "mine.yaml", beginning)))
    assert "is larger than 1,000,000 bytes" in problem.message


def test_a_configuration_that_is_one_long_line(tmp_path: Path) -> None:
    """What a person is shown of a long key, value, argument or variable is short."""
    long = "x" * 900_000
    file = tmp_path / "mine.yaml"
    file.write_text(f"{long}: 1\nagent: {long}\n")
    for error in (
        refused(file), refused("quick-test", {f"GAELP_{long}": "1"}), refused("quick-test", {"GAELP_AGENT": long}),
        refused("quick-test", overrides=[f"seed={long}"]), refused("quick-test", overrides=[f"{long}=1"]),
        refused("quick-test", overrides=[f"seed={'9' * 900_000}"]), refused(long),
    ):  # fmt: skip
        assert len(str(error)) < 4_000, str(error)[:500]


def test_a_file_that_is_no_configuration_does_not_print_itself(tmp_path: Path) -> None:
    """Of twenty thousand unknown keys some are shown, quickly, and that there are more is said."""
    file = tmp_path / "mine.yaml"
    file.write_text("".join(f"k{number}: 1\n" for number in range(20_000)))
    begun = time.process_time()
    error = refused(file)
    assert len(error.problems) == 101 and "there are more errors than these" in error.problems[-1].message
    assert time.process_time() - begun < 10


@pytest.mark.parametrize("kind", ["bandit", "market", "report"])
@pytest.mark.parametrize("beginning", [b"", b"timestamp,item_id,position,click,propensity_score\n"])
def test_an_endless_log(tmp_path: Path, kind: str, beginning: bytes) -> None:
    """In its header or in a row, plain: refused at the line that does not end, with what a log is."""
    file = endless(tmp_path / "log.csv", beginning)
    _refused_log(file, kind, tmp_path)


def test_an_endless_log_in_gzip(tmp_path: Path) -> None:
    """A small file that unpacks to a line without end is refused after the first megabytes of it."""
    file = tmp_path / "log.csv.gz"
    with gzip.open(file, "wb", compresslevel=1) as packed:
        for _ in range(60):
            packed.write(bytes(1 << 20))
    _refused_log(file, "bandit", tmp_path)


def _refused_log(file: Path, kind: str, tmp_path: Path) -> None:
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    with bounded(20), pytest.raises(IngestError) as caught:
        ingest(warehouse, LogSource(str(file), kind, "mine"), NOW)
    warehouse.close()
    assert f"a line of more than {LONGEST_LINE:,} bytes: a log has one row on each line" in short(caught.value)


def test_an_endless_item_file(tmp_path: Path) -> None:
    """The items of a log fit into memory many times over, or they are no items."""
    log, items = write_log(tmp_path, 1, rows=10), endless(tmp_path / "items.csv", b"item_id\n")
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    with bounded(200), pytest.raises(IngestError) as caught:
        ingest(warehouse, LogSource(str(log), "bandit", "mine", items=str(items)), NOW)
    warehouse.close()
    assert "larger than 64,000,000 bytes" in short(caught.value)


def test_a_header_of_long_names_is_shown_in_short(tmp_path: Path) -> None:
    """A file that is no log shows the beginning of its columns' names."""
    file = tmp_path / "log.csv"
    file.write_text(",".join(["y" * 100_000] * 9) + "\n1\n")
    warehouse = open_warehouse(str(tmp_path / "warehouse"))
    with pytest.raises(IngestError) as caught:
        ingest(warehouse, LogSource(str(file), "report", "mine"), NOW)
    warehouse.close()
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize("length", [LONGEST_LINE - 1, LONGEST_LINE])
def test_a_long_line_that_ends_is_read(tmp_path: Path, length: int) -> None:
    """The bound is on one line, wherever in the file and in the reading's blocks it begins."""
    file = tmp_path / "log.csv"
    file.write_bytes(b"a\n" * 700_000 + b"b" * length + b"\nc\n")
    assert content_digest(str(file))
    file.write_bytes(b"a\n" * 700_000 + b"b" * (LONGEST_LINE + 1) + b"\nc\n")
    with pytest.raises(IngestError):
        content_digest(str(file))


@pytest.mark.parametrize("make", [lambda folder: endless(folder / "ada.pem"), lambda _: Path("/dev/zero")])
def test_an_endless_key(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    """A file that is no key is not read to its end, a device neither."""
    with bounded(5), pytest.raises(BadKey) as caught:
        read_key(make(tmp_path))
    assert "key" in short(caught.value)
