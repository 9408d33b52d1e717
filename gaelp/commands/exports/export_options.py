"""The options of the verbs that are given an export. Touch this to add one; a --help must not wait for its imports."""

from __future__ import annotations

import argparse

from gaelp.commands.log_options import reading_options
from gaelp.commands.power import exam_options

PLATFORMS = ("google-ads", "meta", "microsoft")


def export_options(parser: argparse.ArgumentParser) -> None:
    """How a verb's FILE is read, and where its page goes."""
    reading_options(parser)
    said = parser.add_argument_group("of an export")
    said.add_argument("--platform", choices=PLATFORMS, help="where its headers do not show it")
    said.add_argument("--currency", default="", metavar="CODE", help="where the file names none, as USD")
    budget = "a campaign's budget of a day, where the file has none"
    said.add_argument("--budget", action="append", default=[], metavar="CAMPAIGN=AMOUNT", help=budget)
    said.add_argument("--today", metavar="DAY", help="default: the day after the file's last one")
    said.add_argument("--page", metavar="FILE", help="write one HTML page that can be passed on")
    said.add_argument("--anonymous", action="store_true", help="write `campaign 1` and so on for names")


def exposure_options(parser: argparse.ArgumentParser) -> None:
    """Of `exposure`."""
    _file_or_account(parser, required=True)
    parser.add_argument("--cap", metavar="AMOUNT/month", help="say when the month's bill exceeds it")
    export_options(parser)


def lag_options(parser: argparse.ArgumentParser) -> None:
    """Of `lag`."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="one export with the days to each conversion, or "
                        "several exports of other days")  # fmt: skip
    export_options(parser)


def plan_options(parser: argparse.ArgumentParser) -> None:
    """Of `plan`."""
    _file_or_account(parser, required=False)
    exam_options.plan_options(parser)
    export_options(parser)


def _file_or_account(parser: argparse.ArgumentParser, *, required: bool) -> None:
    what = parser.add_mutually_exclusive_group(required=required)
    what.add_argument("file", metavar="FILE", nargs="?", help="downloaded from an ad account")
    what.add_argument("--account", metavar="NAME", help="an account of the ledger, read from its platform")
