"""The options of `certify` and `plan`. Touch this to give one of them another.

It is read with every command line, so that it imports little.
"""

from __future__ import annotations

import argparse

from gaelp.commands.written_files import force_option


def _exam(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", default="quick-test", metavar="PROFILE_OR_FILE", help="default: quick-test")
    parser.add_argument("--set", action="append", default=[], metavar="A.B=C", help="override one setting")
    parser.add_argument("--attempt", type=count, default=1, help="at which level (default 1)")
    parser.add_argument("--figure", metavar="FILE", help="default: a PNG in GAELP_HOME/reports")
    force_option(parser)


def certify_options(parser: argparse.ArgumentParser) -> None:
    """What `certify` takes."""
    parser.add_argument("--gate", choices=["simulation"], default="simulation")
    _exam(parser)
    parser.add_argument(
        "--exams", type=count, default=2000, help="exams of each agent by the gate alone (default 2000)"
    )
    runs = "whole runs of each agent, on services of their own; default: none"
    parser.add_argument("--trials", type=count, default=None, help=runs)


def plan_options(parser: argparse.ArgumentParser) -> None:
    """What `plan` takes."""
    gates = ["simulation", "live", "live-test"]
    parser.add_argument("--gate", choices=gates, default="simulation", help="live is short for live-test")
    _exam(parser)
    parser.add_argument("--success", type=float, default=0.85, help="true success rate (default 0.85)")
    parser.add_argument("--reward", type=float, default=0.78, help="true mean reward (default 0.78)")
    parser.add_argument("--spread", type=float, default=0.12, help="standard deviation of rewards (default 0.12)")
    parser.add_argument("--anchor", type=float, default=0.7, help="mean reward of the anchor (default 0.7)")
    live = parser.add_argument_group("of the gate live-test")
    live.add_argument("--cpa", metavar="AMOUNT", help="cost per conversion; default: economics.target_cpa")
    live.add_argument("--roi", type=float, help="true attributed ROI (default 0.5; of a FILE 0.25, 0.5 and 1)")
    live.add_argument(
        "--lag", type=float, metavar="DAYS", help="mean lag; default: as measured, else economics.lag_days"
    )
    live.add_argument("--order-spread", type=float, metavar="SPREAD", help="standard deviation of the log of an "
                      "order's value; default: market.order_spread")  # fmt: skip
    live.add_argument("--daily-budget", metavar="AMOUNT", help="default: what live_test.daily_cap allows")


def count(text: str) -> int:
    """A number from 1 to 100,000, as an option takes it."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100000")
    return int(text)
