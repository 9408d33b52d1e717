"""The options of `audit`. Touch this to add one; a --help must not wait for its imports."""

from __future__ import annotations

import argparse

from gaelp.commands.exports.export_options import export_options, maturity_options, page_options
from gaelp.commands.written_files import force_option


def audit_options(parser: argparse.ArgumentParser) -> None:
    """Of `audit`."""
    parser.add_argument("file", metavar="FILE", help="an export of an ad account, a day to a row: docs/exports.md")
    parser.add_argument("--target-cpa", metavar="AMOUNT", help="what a conversion may cost")
    parser.add_argument("--brand", nargs="+", default=[], metavar="WORD", help="a search with it is for the brand")
    parser.add_argument("--split", nargs="+", default=[], metavar="ARM=SHARE", help="how an experiment's impressions "
                        "were to be split; default: alike")  # fmt: skip
    maturity_options(parser)
    orders = parser.add_argument_group("of own orders")
    orders.add_argument("--orders", metavar="FILE", help="id, time, value, and if there: refund, new_customer, "
                        "click_id, utm_medium, utm_campaign, currency")  # fmt: skip
    orders.add_argument("--map-orders", nargs="+", default=[], metavar="OURS=THEIRS", help="names of its columns")
    orders.add_argument("--account-zone", default="UTC", metavar="NAME", help="time zone of the ad account, on whose "
                        "days orders are counted, as Europe/Berlin; default: UTC")  # fmt: skip
    page_options(parser)
    export_options(parser)
    force_option(parser)
