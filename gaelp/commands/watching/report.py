"""The verb `report`: one HTML page about a run. Touch this to change where it goes, gaelp/reports to change it."""

from __future__ import annotations

import argparse
from pathlib import Path

from gaelp.commands import connections
from gaelp.commands.console import DONE, Out


def report(arguments: argparse.Namespace, out: Out) -> int:
    """Write the page and its plots."""
    from gaelp.reports.report_page import build_report

    settings = connections.read_settings()
    run = connections.run_name(arguments.run)
    folder = Path(arguments.output) if arguments.output else settings.home / "reports" / run
    warehouse = connections.open_warehouse(settings)
    try:
        page = build_report(warehouse, connections.open_ledger(settings), run, folder)
    finally:
        warehouse.close()
    out.result({"run": run, "report": page.absolute()}, str(page))
    return DONE
