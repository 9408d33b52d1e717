"""The log that a verb is given: the name of an ingested one, or a file that is read for this one question.

A file goes through the same ingestion into a warehouse that is forgotten afterwards, so that it is judged row by row as
any log is. Touch this to accept a log in another form.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gaelp.commands import connections
from gaelp.commands.console import WrongUse, instant
from gaelp.commands.logs_and_agents.ingest import source_of
from gaelp.domain.log_evidence import LogKind

if TYPE_CHECKING:
    from gaelp.arrays import Array
    from gaelp.records.logs.stored_logs import LogInfo
    from gaelp.records.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class GivenLog:
    """A log's columns, and what is known of it."""

    info: LogInfo
    columns: dict[str, Array]

    @property
    def head(self) -> str:
        """Name, rows, rejected rows and window, for people."""
        info = self.info
        window = f", {instant(info.window_start)} to {instant(info.window_end)}" if info.window_start else ""
        rejected = f", {info.rejected:,} rejected" if info.rejected else ""
        return f"{info.name}: {info.rows:,} rows{rejected}{window}"


def given_log(place: str, kind: LogKind, arguments: argparse.Namespace) -> GivenLog:
    """The log of that kind: a file, where there is one, else an ingested log of that name.

    Raises IngestError, UnknownLog or WrongUse, each with one sentence.
    """
    if "://" not in place and not Path(place).is_file():
        if re.search(r"[/.]", place):
            raise WrongUse(f"there is no file {place}, and no log can have that name")
        warehouse = connections.open_warehouse(connections.read_settings())
        try:
            return _loaded(warehouse, place, kind)
        finally:
            warehouse.close()
    from gaelp.records.logs.ingestion import ingest
    from gaelp.records.warehouse.warehouse_back_ends import open_warehouse

    name = re.sub(r"[^a-z0-9-]+", "-", Path(place).name.split(".")[0].lower()).strip("-")[:40] or "log"
    source = source_of(argparse.Namespace(**{**vars(arguments), "file": place, "kind": kind.value, "name": name}))
    with tempfile.TemporaryDirectory() as folder:
        warehouse = open_warehouse(folder)
        try:
            ingest(warehouse, source, connections.now())
            return _loaded(warehouse, name, kind)
        finally:
            warehouse.close()


def _loaded(warehouse: Warehouse, name: str, kind: LogKind) -> GivenLog:
    from gaelp.records.logs import stored_logs

    load = {
        LogKind.BANDIT: stored_logs.load_bandit,
        LogKind.MARKET: stored_logs.load_market,
        LogKind.REPORT: stored_logs.load_report,
        LogKind.SPLIT_TEST: stored_logs.load_split_test,
    }[kind]
    return GivenLog(stored_logs.log_info(warehouse, name), load(warehouse, name))
