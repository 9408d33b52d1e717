"""`make bench` at toy sizes: that every figure it promises is there, and never how large one is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaelp.ledger.ledger import Ledger
from gaelp.market.auctions.per_auction import per_auction
from gaelp.market.streams import stream
from scripts.bench import batch_program, kernels, ledger, peers, schedulers
from scripts.bench.__main__ import main
from scripts.bench.episodes import OPTIONS
from scripts.bench.market import WIN_RATE, scenario
from scripts.bench.peers import Peer
from scripts.bench.timing import TOY, Row
from tests.support import ledgers as kit

PARTS = "market,episodes,memory,schedulers,portfolios,ledger,warehouse,ingestion,commands,runs,absent"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a toy bench writes, without episodes through Temporal and without peers that must be installed."""
    home = tmp_path_factory.mktemp("bench")
    assert main(["--toy", "--no-workflow", "--only", PARTS, "--home", str(home)]) == 0
    written: dict[str, Any] = json.loads((home / "bench.json").read_text())
    return written


def test_every_promised_figure_is_in_the_file(document: dict[str, Any]) -> None:
    """Both modes with their kernels and ratios, episodes, memory, and the machine that they were measured on."""
    assert {"at", "cores", "load", "numpy", "python"} <= document["machine"].keys()
    assert [row["name"] for row in document["per_auction"]][:2] == [f"every auction, {n} bidders" for n in (2, 4)]
    for row in (*document["per_auction"][:2], *document["aggregate"]):
        assert row["rate"] > 0 and row["kernel"] > 0 and row["ratio"] == row["rate"] / row["kernel"]
    for row in document["per_auction"][:2]:
        assert row["stricter_ratio"] == row["rate"] / row["stricter"] > 0
    assert len(document["episodes"]) == 2 + len(OPTIONS) and all(row["rate"] > 0 for row in document["episodes"])
    assert [peak["episodes"] for peak in document["memory"]] == [4]
    assert all(peak["peak_mib"] > 1 for peak in document["memory"])
    assert [cost["reservations"] for cost in document["ledger"] if cost["database"] == "SQLite"] == [0, 40]
    assert all(cost["rows"] == 200 and cost["ours"] > 0 and cost["peak_mib"] > 0 for cost in document["ingestion"])
    assert [(cost["batches"], cost["files"]) for cost in document["warehouse"]] == [(2, 2), (70, 7)]
    assert all(cost["milliseconds"] > 1 for cost in document["commands"]) and len(document["commands"]) == 7
    assert all(cost["runs"] == 3 and cost["clock"] > 1 and cost["processor"] > 1 for cost in document["runs"])
    assert [each["scheduler"] for each in document["schedulers"]] == ["loop", "pool"]
    assert all(each["rate"] > 0 and each["per_processor_second"] > 0 for each in document["schedulers"])
    (portfolio,) = document["portfolios"]
    assert portfolio["ticks_a_second"] > 0 and portfolio["processor_ms_a_tick"] > 0 and portfolio["events_a_tick"] > 5
    assert [each["service"] for each in document["absent"]] == ["not there", "hangs"] * 2
    assert all(each["seconds"] > 0 for each in document["absent"])
    assert all(cost["reserve"] > 0 and cost["unresolved_claims"] > 0 for cost in document["ledger"])


def test_kernel_and_market_resolve_the_same_auctions() -> None:
    """At each number of rivals the kernels win as large a share of as many auctions as the market does."""
    for rivals in (1, 9):
        curves, slot = scenario(campaigns=4, hours=24, creatives=3, auctions=400)
        auctions = int(slot.auctions.sum())
        ours = int(per_auction(curves, slot, rivals, stream(1, "ours")).wins.sum())
        floats, words = np.random.Generator(np.random.SFC64(1)), np.random.SFC64(1)
        drawn = kernels.every_rival(floats, auctions, rivals, WIN_RATE)
        wins = [ours, drawn[0], kernels.every_rival_in_words(words, auctions, rivals, WIN_RATE)[0]]
        wins.append(kernels.highest_rival(floats, auctions, WIN_RATE)[0])
        # Five standard deviations of 153,600 auctions.
        assert np.abs(np.array(wins) / auctions - WIN_RATE).max() < 5 * np.sqrt(WIN_RATE * (1 - WIN_RATE) / auctions)


def test_a_row_says_by_how_much_it_misses() -> None:
    """A row that misses the wanted ratio says by how many per cent; a row that meets it, or has none, does not."""
    assert Row("a", "auctions", 40.0, kernel=100.0, wanted_ratio=0.5).verdict == "20 % short of 0.5"
    assert Row("a", "auctions", 60.0, kernel=100.0, wanted_ratio=0.5).verdict == "as wanted"
    assert Row("a", "auctions", 60.0).verdict == ""


def test_a_peer_that_does_not_run_here_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No figure is quoted for it, and the other parts of the bench go on."""
    installed = tmp_path / "peers" / "broken" / "bin"
    installed.mkdir(parents=True)
    (installed / "python").symlink_to(sys.executable)
    (installed.parent / "ready").touch()
    broken = Peer("broken", program="import a_module_that_is_missing")
    monkeypatch.setattr(peers, "PEERS", (Peer("absent", why_not="nowhere"), broken))
    absent, failed = peers.measured(TOY, tmp_path)
    assert (absent.rate, absent.note) == (0.0, "not installable here: nowhere")
    assert failed.rate == 0.0 and "No module named 'a_module_that_is_missing'" in failed.note


def test_a_scheduler_that_does_not_run_here_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No figure is quoted for it, and the reason is the last thing that it said."""
    monkeypatch.setattr(schedulers, "PEERS", {"nobody": ()})
    (failed,) = schedulers.measured(replace(TOY, schedulers=("nobody",)), tmp_path, workflow=False)
    assert failed.rate == 0.0 and failed.of_pool is None
    assert failed.note == "does not run here: KeyError: 'nobody'"


def test_processor_time_is_that_of_children_and_of_the_dead() -> None:
    """A process's descendants count with it, also those that have ended, and one that is only marked; others do not."""
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}]); print(1, flush=True); input()"
    environment = {**os.environ, batch_program.MARK: "this-test"}
    command = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {parent!r}])"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"1\n"
        nobody = 2**30
        assert batch_program.processor_seconds_of_all(process.pid) > 0.29
        assert batch_program.processor_seconds_of_all(nobody, "this-test") > 0.29
        assert batch_program.processor_seconds_of_all(nobody, "another") == 0
        process.communicate(b"\n")


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence that names the parts there are."""
    with pytest.raises(SystemExit) as ended:
        main(["--only", "market,moon"])
    assert ended.value.code == 2
    assert "unknown part moon: use market, episodes, memory, peers" in capsys.readouterr().err


def test_the_filled_ledger_adds_up(tmp_path: Path) -> None:
    """The books that the bench writes are such as the ledger itself might have written: every total is a sum."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    books = kit.prepared(Ledger.open(url))
    ledger.fill(url, 0, 40)
    ledger.fill(url, 40, 70)
    assert books.differing_totals("acme") == () and books.spent("run-a") == 70
    assert len(books.created_campaigns("acme")) == 3 and books.unresolved_claims("acme") == ()
    books.close()
