"""The options of the verbs that take a named person's word, apart from them, so that a --help imports no ledger.

Touch this to add one.
"""

from __future__ import annotations

import argparse

from gaelp.commands.power.exam_options import count


def alerts_options(parser: argparse.ArgumentParser) -> None:
    """What `starter.py alerts` takes."""
    parser.add_argument("run", metavar="RUN", nargs="?", help="without one, the alerts of all runs")
    parser.add_argument("--resolved", action="store_true", help="those that are resolved too")


def resolve_options(parser: argparse.ArgumentParser) -> None:
    """What `starter.py resolve` takes."""
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("alert", metavar="ALERT", nargs="?", help="its id; without one, all are shown")
    person_options(parser)


def silence_options(parser: argparse.ArgumentParser) -> None:
    """What `starter.py silence` takes."""
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("alert", metavar="ALERT", help="its id, as `starter.py alerts RUN` shows it")
    parser.add_argument("--hours", type=count, required=True, metavar="N", help="from now on")
    person_options(parser)


def undo_options(parser: argparse.ArgumentParser) -> None:
    """What `starter.py undo` takes."""
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("step", metavar="STEP", nargs="?", help="its key; without one, all are shown")
    person_options(parser)


def person_options(parser: argparse.ArgumentParser) -> None:
    """Who decides, and why."""
    parser.add_argument("--reason", default="", help="recorded beside the name; without one it is refused")
    parser.add_argument("--by", metavar="NAME", help="who decides; default: the user's name")
