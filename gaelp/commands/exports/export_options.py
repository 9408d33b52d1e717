"""The options of the verbs that are given an export. Touch this to add one; a --help must not wait for its imports.

A verb is offered no option that it does not read. What it reads in one of its forms only, it refuses in the others
(unread_options.py).
"""

from __future__ import annotations

import argparse

from gaelp.commands.log_options import column_options
from gaelp.commands.power import exam_options
from gaelp.commands.written_files import force_option
from gaelp.domain.exports.mature_days import ASSUMED_DAYS

PLATFORMS = ("google-ads", "meta", "microsoft")


def export_options(parser: argparse.ArgumentParser) -> None:
    """Of a verb that asks about bills: how its FILE is read, and where its page goes."""
    said = _told(parser)
    said.add_argument("--platform", choices=PLATFORMS, help="where its headers do not show it")
    said.add_argument("--currency", default="", metavar="CODE", help="where the file names none, as USD")
    budget = "a campaign's budget of a day, where the file has none"
    said.add_argument("--budget", action="append", default=[], metavar="CAMPAIGN=AMOUNT", help=budget)


def exposure_options(parser: argparse.ArgumentParser) -> None:
    """Of `exposure`."""
    _file_or_account(parser, required=True)
    parser.add_argument("--cap", metavar="AMOUNT/month", help="say when the month's bill exceeds it")
    export_options(parser)
    force_option(parser)


def lag_options(parser: argparse.ArgumentParser) -> None:
    """Of `lag`."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="one export with the days to each conversion, or "
                        "several exports of other days")  # fmt: skip
    _told(parser)
    force_option(parser)


def page_options(parser: argparse.ArgumentParser) -> None:
    """What the page asks beyond the verb that writes it."""
    page = parser.add_argument_group("of the page")
    page.add_argument("--cap", metavar="AMOUNT/month", help="say when the month's bill exceeds it")
    page.add_argument("--daily-budget", metavar="AMOUNT", help="what a live test may have a day")


def plan_options(parser: argparse.ArgumentParser) -> None:
    """Of `plan`."""
    _file_or_account(parser, required=False)
    exam_options.plan_options(parser)
    said = _told(parser)
    said.add_argument("--currency", default="", metavar="CODE", help="where the file names none, as USD")
    maturity_options(parser)
    parser.set_defaults(platform=None, budget=[])  # of bills, of which a plan says nothing


def _told(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """What every verb that is given an export reads."""
    column_options(parser)
    said = parser.add_argument_group("of an export")
    said.add_argument("--today", metavar="DAY", help="default: the day after the file's last one")
    said.add_argument("--page", metavar="FILE", help="write one HTML page that can be passed on")
    said.add_argument("--anonymous", action="store_true", help="write `campaign 1` and so on for names")
    return said


def maturity_options(parser: argparse.ArgumentParser) -> None:
    """How late conversions come."""
    mature = parser.add_mutually_exclusive_group()
    mature.add_argument("--mature-after", type=_days, metavar="DAYS", help="days after a click on which its "
                        f"conversions are complete (default {ASSUMED_DAYS})")  # fmt: skip
    mature.add_argument("--snapshots", nargs="+", default=[], metavar="FILE", help="exports of the same account of "
                        "other days, or one with conversion ages: measure it by them")  # fmt: skip


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 365:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 0 to 365")
    return int(text)


def _file_or_account(parser: argparse.ArgumentParser, *, required: bool) -> None:
    what = parser.add_mutually_exclusive_group(required=required)
    what.add_argument("file", metavar="FILE", nargs="?", help="downloaded from an ad account")
    what.add_argument("--account", metavar="NAME", help="an account of the ledger, read from its platform")
