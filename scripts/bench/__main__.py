"""Entry point of `make bench`: runs the parts, prints tables, writes one JSON file. Touch this to add a part."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from scripts.bench import (
    absent,
    commands,
    episodes,
    ingestion,
    ledger,
    many_runs,
    market,
    memory,
    peers,
    portfolios,
    schedulers,
    warehouse,
)
from scripts.bench.timing import TOY, Row, Sizes

PARTS = (
    "market", "episodes", "memory", "peers", "schedulers", "portfolios", "ledger", "warehouse", "ingestion", "commands",
    "runs", "absent",
)  # fmt: skip

_COSTS = {
    "ledger": "the ledger, ms a call",
    "warehouse": "the warehouse, ms of processor a call",
    "ingestion": "logs into the warehouse, rows a second of processor",
    "commands": "starter.py, ms of processor",
    "runs": "starter.py among ended runs, ms of processor and of the clock",
}


def run(sizes: Sizes, parts: Sequence[str], home: Path, workflow: bool = True) -> dict[str, Any]:
    """Every part in turn, as a document of lists of figures."""
    document: dict[str, Any] = {"machine": machine(), "sizes": asdict(sizes)}
    if "market" in parts:
        document["per_auction"] = _documents(market.resolved(sizes))
        document["aggregate"] = _documents(market.counted(sizes))
    if "peers" in parts:
        document["peers"] = _documents(peers.measured(sizes, home))
    if "episodes" in parts:
        document["episodes"] = _documents(episodes.measured(sizes, workflow))
    if "schedulers" in parts:
        document["schedulers"] = [asdict(each) for each in schedulers.measured(sizes, home, workflow)]
    if "portfolios" in parts:
        document["portfolios"] = [asdict(each) for each in portfolios.measured(sizes)]
    if "memory" in parts:
        document["memory"] = [asdict(peak) for peak in memory.measured(sizes)]
    if "ledger" in parts:
        document["ledger"] = [asdict(cost) for cost in ledger.measured(sizes)]
    if "warehouse" in parts:
        document["warehouse"] = [asdict(cost) for cost in warehouse.measured(sizes)]
    if "ingestion" in parts:
        document["ingestion"] = [asdict(cost) for cost in ingestion.measured(sizes)]
    if "commands" in parts:
        document["commands"] = [asdict(cost) for cost in commands.measured(sizes)]
    if "runs" in parts:
        document["runs"] = [asdict(cost) for cost in many_runs.measured(sizes)]
    if "absent" in parts:
        document["absent"] = [asdict(each) for each in absent.measured()]
    return document


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was with other things at the start."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _documents(rows: list[Row]) -> list[dict[str, Any]]:
    return [
        {**asdict(row), "ratio": row.ratio, "stricter_ratio": row.stricter_ratio, "verdict": row.verdict}
        for row in rows
    ]


def show(document: dict[str, Any], console: Console) -> None:
    """A table of rates, one of memory, one of the ledger, one of commands that give up."""
    about = document["machine"]
    console.print(f"{about['cores']} cores, load {about['load']:.1f} at the start, Python {about['python']}")
    table = Table("what", "a second", "bare kernel", "ratio", "32-bit kernel", "ratio", "verdict", "note")
    for part in ("per_auction", "aggregate", "peers", "episodes"):
        for row in document.get(part, ()):
            kernels = [
                text
                for rate, ratio in (("kernel", "ratio"), ("stricter", "stricter_ratio"))
                for text in ((f"{row[rate]:,.0f}", f"{row[ratio]:.2f}") if row[rate] else ("", ""))
            ]
            rate = f"{row['rate']:,.0f} {row['unit']}" if row["rate"] else ""
            table.add_row(row["name"], rate, *kernels, row["verdict"], row["note"])
        table.add_section()
    if table.row_count:
        console.print(table)
    if document.get("memory"):
        peaks = Table("episodes", "seconds", "peak memory, MiB")
        for peak in document["memory"]:
            peaks.add_row(f"{peak['episodes']:,}", f"{peak['seconds']:.1f}", f"{peak['peak_mib']:.0f}")
        console.print(peaks)
    if document.get("schedulers"):
        names = ("batches of 32 x 7 days on", "load", "episodes a second", "a second of processor", "of the pool")
        compared = Table(*names, "note")
        for each in document["schedulers"]:
            rates = ("", "") if not each["rate"] else (f"{each['rate']:,}", f"{each['per_processor_second']:,}")
            compared.add_row(each["scheduler"], str(each["load"]), *rates, str(each["of_pool"] or ""), each["note"])
        console.print(compared)
    if document.get("portfolios"):
        grown = Table("live portfolios", *([""] * len(document["portfolios"])), show_header=False)
        for name in document["portfolios"][0]:
            grown.add_row(name.replace("_", " "), *(str(each[name]) for each in document["portfolios"]))
        console.print(grown)
    for part, title in _COSTS.items():
        if document.get(part):
            costs = Table(*(name.replace("_", " ") for name in document[part][0]), title=title)
            for cost in document[part]:
                costs.add_row(*(f"{each:,}" if isinstance(each, int | float) else each for each in cost.values()))
            console.print(costs)
    for each in document.get("absent", ()):
        said = "kept" if each["kept"] else "MISSED"
        console.print(f"{each['command']}, service {each['service']}: gives up after {each['seconds']} s, {said}")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", default=",".join(PARTS), help="comma-separated: " + ", ".join(PARTS))
    parser.add_argument(
        "--quick",
        action="store_true",
        help="leave out the million episodes, the million reservations and the portfolios above 50 campaigns",
    )
    parser.add_argument("--toy", action="store_true", help="sizes that show that everything runs, and no speed")
    parser.add_argument("--no-workflow", action="store_true", help="episodes without the part through Temporal")
    parser.add_argument("--home", type=Path, default=Path(".gaelp/bench"))
    parser.add_argument("--campaigns", type=int, help="one live portfolio of so many campaigns, an even number")
    parser.add_argument("--days", type=int, help="that each campaign of a live portfolio runs")
    parser.add_argument("--tick-hours", type=int, help="from tick to tick of a live campaign")
    options = parser.parse_args(argv)
    parts = options.only.split(",")
    if unknown := sorted(set(parts) - set(PARTS)):
        parser.error(f"unknown part {', '.join(unknown)}: use {', '.join(PARTS)}")
    sizes = TOY if options.toy else Sizes()
    if options.quick and not options.toy:
        sizes = Sizes(
            episodes=sizes.episodes[:-1], books=sizes.books[:-1], portfolios=sizes.portfolios[:2], scheduled=100
        )
    if options.campaigns:
        sizes = replace(sizes, portfolios=(options.campaigns,))
    shape = {"portfolio_days": options.days, "tick_hours": options.tick_hours}
    sizes = replace(sizes, **{name: value for name, value in shape.items() if value})
    begun = time.monotonic()
    document = run(sizes, parts, options.home.absolute(), not options.no_workflow)
    options.home.mkdir(parents=True, exist_ok=True)
    output = options.home / "bench.json"
    output.write_text(json.dumps(document, indent=1))
    show(document, Console(width=None if sys.stdout.isatty() else 150))
    print(f"{time.monotonic() - begun:.0f} s; written to {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
