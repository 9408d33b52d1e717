"""The options of the verbs that read or ask a log. Touch this to add one; a --help must not wait for its imports."""

from __future__ import annotations

import argparse

from gaelp.commands.written_files import force_option
from gaelp.domain.log_evidence import BUDGET_FRACTION, EPISODE_AUCTIONS, LogKind


def ingest_options(parser: argparse.ArgumentParser) -> None:
    """Of `ingest`."""
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("--kind", required=True, choices=[kind.value for kind in LogKind])
    parser.add_argument("--name", required=True, help="what configurations call this log")
    reading_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="show what each column became; write nothing")


def rejected_options(parser: argparse.ArgumentParser) -> None:
    """Of `rejected`."""
    parser.add_argument("name", metavar="LOG")


def evaluate_options(parser: argparse.ArgumentParser) -> None:
    """Of `evaluate`."""
    parser.add_argument("log", metavar="LOG", help="an ingested log, or a file that is read for this once")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--policy", metavar="POLICY", help="of a bandit log: uniform, best-creative, a csv file with "
                       "item_id and probability, or a checkpoint")  # fmt: skip
    asked.add_argument("--split", nargs="+", metavar="ARM=SHARE", help="of an A/B test: how its impressions were to be "
                       "split between the arms, the control first; or equal")  # fmt: skip
    parser.add_argument("--attempt", type=_whole, default=1, help="at which level (default 1)")
    parser.add_argument("--seed", type=_whole, default=1, help="of the bootstrap (default 1)")
    reading_options(parser)


def replay_options(parser: argparse.ArgumentParser) -> None:
    """Of `replay`."""
    parser.add_argument("log", metavar="LOG", help="an ingested market log, or a file that is read for this once")
    parser.add_argument("--policy", required=True, metavar="POLICY", help="lin_bid, mcpc, fixed, or a checkpoint")
    parser.add_argument(
        "--param", action="append", default=[], metavar="NAME=NUMBER", help="b0 of lin_bid, bid of fixed"
    )
    parser.add_argument("--price-unit", type=_amount, metavar="AMOUNT", help="for a checkpoint: what 1 in the log's "
                        "prices is, per thousand impressions in the currency of its run")  # fmt: skip
    train = parser.add_mutually_exclusive_group(required=True)
    train.add_argument("--train", metavar="LOG", help="the log from which mean price and click rate are taken")
    train.add_argument("--train-stats", metavar="impressions=N,clicks=N,cost=N", help="what that log sums up to")
    parser.add_argument("--episode-length", type=_whole, default=EPISODE_AUCTIONS, metavar="AUCTIONS",
                        help="default: %(default)s")  # fmt: skip
    parser.add_argument("--budget-fraction", type=_share, default=BUDGET_FRACTION, metavar="SHARE", help="an episode's "
                        "budget, of what its auctions cost at the mean price (default %(default)s)")  # fmt: skip
    parser.add_argument("--max-bid", type=_whole, default=300, help="in the log's unit (default 300)")
    reading_options(parser)


def calibrate_options(parser: argparse.ArgumentParser) -> None:
    """Of `calibrate`."""
    parser.add_argument("log", metavar="LOG", help="an ingested log, or a file that is read for this once")
    kinds = [LogKind.BANDIT.value, LogKind.MARKET.value, LogKind.REPORT.value]
    parser.add_argument("--kind", choices=kinds, help="of a file; an ingested log has its kind")
    parser.add_argument("--price-unit", type=_amount, metavar="AMOUNT", help="what 1 in the log's prices is, per "
                        "thousand impressions in the account's currency; without it no price level is set")  # fmt: skip
    parser.add_argument("--output", metavar="FILE", help="write the settings that follow: for `start --config FILE`")
    force_option(parser)
    parser.add_argument("--seed", type=_whole, default=1, help="of the bootstrap (default 1)")
    reading_options(parser)


def reading_options(parser: argparse.ArgumentParser) -> None:
    """How a log's file is to be read."""
    parser.add_argument("--items", metavar="FILE", help="features of the candidates")
    column_options(parser)


def column_options(parser: argparse.ArgumentParser) -> None:
    """How the columns of a file are to be read, of a log or of an export."""
    parser.add_argument("--map", nargs="+", default=[], metavar="OURS=THEIRS", help="names of the file's columns, or "
                        "their numbers from 1 where it has no header")  # fmt: skip
    parser.add_argument("--decimal", choices=["point", "comma"], help="where the file's numbers do not show it")
    parser.add_argument("--dates", choices=["day-first", "month-first"], help="of 03/04/2026, where no date shows it")
    parser.add_argument("--time-zone", metavar="NAME", help="of times that say none, as Europe/Berlin; default: UTC")
    parser.add_argument("--micros", nargs="+", default=[], metavar="OURS", help="amounts in millionths of a unit")
    parser.add_argument("--sheet", metavar="NAME", help="of a spreadsheet that has several")
    parser.add_argument("--at-most-rejected", type=_share, default=None, metavar="SHARE", help="default: 5%%; more "
                        "bad rows, and nothing is taken")  # fmt: skip


def _share(text: str) -> float:
    """`1%` or 0.01."""
    number = text.removesuffix("%")
    try:
        share = float(number) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: give one from 0% to 100%") from None
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share: give one from 0% to 100%")
    return share


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 1_000_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1000000000")
    return int(text)


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = 0.0
    if not 0 < amount <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount above 0, at most 1000000")
    return amount
