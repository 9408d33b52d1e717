"""The options of `report`. Touch this to add one; a --help must not wait for its imports."""

from __future__ import annotations

import argparse

from gaelp.commands.written_files import force_option


def report_options(parser: argparse.ArgumentParser) -> None:
    """Of `report`."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("run", metavar="RUN", nargs="?")
    which.add_argument(
        "--all", action="store_true", help="every run: what it waits for, spent, earned, and at worst costs"
    )
    where = "default: a folder of the run's name in GAELP_HOME/reports; with --all, GAELP_HOME/reports"
    parser.add_argument("--output", metavar="DIR", help=where)
    parser.add_argument("--to", metavar="TRACKER", help="send a run to a tracker of experiments too, as mlflow")
    force_option(parser)
