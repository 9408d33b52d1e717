"""The options of the verb `notify`, apart from it, so that a --help imports no messages. Touch this to add one."""

from __future__ import annotations

import argparse

from gaelp.commands.power.exam_options import count


def notify_options(parser: argparse.ArgumentParser) -> None:
    """What `starter.py notify` takes."""
    parser.add_argument("--test", action="store_true", help="send a test message to every address, and end")
    parser.add_argument("--once", action="store_true", help="look a single time, as a timer's job does")
    parser.add_argument("--every", type=count, default=5, metavar="SECONDS", help="between two looks (default 5)")
