"""The options of `audit`. Touch this to add one; a --help must not wait for its imports."""

from __future__ import annotations

import argparse

from gaelp.commands.exports.export_options import export_options


def audit_options(parser: argparse.ArgumentParser) -> None:
    """Of `audit`."""
    parser.add_argument("file", metavar="FILE", help="an export of an ad account, a day to a row: docs/exports.md")
    parser.add_argument("--target-cpa", metavar="AMOUNT", help="what a conversion may cost")
    parser.add_argument("--brand", nargs="+", default=[], metavar="WORD", help="a search with it is for the brand")
    parser.add_argument("--split", nargs="+", default=[], metavar="ARM=SHARE", help="how an experiment's impressions "
                        "were to be split; default: alike")  # fmt: skip
    mature = parser.add_mutually_exclusive_group()
    mature.add_argument("--mature-after", type=_days, default=14, metavar="DAYS", help="days after a click on which "
                        "its conversions are complete (default 14)")  # fmt: skip
    mature.add_argument("--snapshots", nargs="+", default=[], metavar="FILE", help="exports of the same account of "
                        "other days, or one with conversion ages: measure it by them")  # fmt: skip
    orders = parser.add_argument_group("of own orders")
    orders.add_argument("--orders", metavar="FILE", help="id, time, value, and if there: refund, new_customer, "
                        "click_id, utm_medium, utm_campaign, currency")  # fmt: skip
    orders.add_argument("--map-orders", nargs="+", default=[], metavar="OURS=THEIRS", help="names of its columns")
    orders.add_argument("--account-zone", default="UTC", metavar="NAME", help="time zone of the ad account, on whose "
                        "days orders are counted, as Europe/Berlin; default: UTC")  # fmt: skip
    export_options(parser)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 365:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days from 0 to 365")
    return int(text)
