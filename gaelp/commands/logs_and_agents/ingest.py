"""The verb `ingest`: reads a real log into the warehouse; bad rows are counted and kept apart.

Touch this to add an option. What a log must look like stands in gaelp/records/logs/log_kinds.py.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out, WrongUse, table
from gaelp.domain.ids import checked_name


def ingest(arguments: argparse.Namespace, out: Out) -> int:
    """Read FILE into the warehouse under --name."""
    from gaelp.records.logs.ingestion import LogSource
    from gaelp.records.logs.ingestion import ingest as take_in

    try:
        checked_name(arguments.name, "the log")
    except ValueError as error:
        raise WrongUse(str(error)) from None
    mapping = _mapping(arguments.map)
    items = _file(arguments.items) if arguments.items else None
    warehouse = connections.open_warehouse(connections.read_settings())
    try:
        source = LogSource(_file(arguments.file), arguments.kind, arguments.name, mapping or {}, items)
        report = take_in(warehouse, source, connections.now())
    finally:
        warehouse.close()
    document = {
        "name": report.name,
        "kind": report.kind,
        "rows": report.rows,
        "rejected": report.rejected,
        "reasons": dict(report.reasons),
        "already": report.already,
    }
    known = " (it was there already; nothing was added)" if report.already else ""
    reasons = [table(("rejected", "reason"), [(n, why) for why, n in report.reasons.items()])] if report.reasons else []
    out.result(document, f"{report.name}: {report.rows:,} rows, {report.rejected:,} rejected{known}", *reasons)
    return DONE


def _mapping(pairs: list[str]) -> dict[str, str] | None:
    mapping: dict[str, str] = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not ours or not equals or not theirs:
            raise WrongUse(f"--map {pair!r} is not of the form OURS=THEIRS, for example click=clicked")
        if ours in mapping:
            raise WrongUse(f"--map gives {ours!r} twice: give it once")
        mapping[ours] = theirs
    return mapping or None


def _file(name: str) -> str:
    """A local file that is there, or an address that the reader will open."""
    if "://" not in name and not Path(name).is_file():
        raise WrongUse(f"there is no file {name}")
    return name
