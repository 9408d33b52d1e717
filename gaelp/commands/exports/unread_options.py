"""Which options a form of a verb does not read: they are refused, because who says one expects it to be heeded.

Touch this when a form of an export's verb reads one option more.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection

from gaelp.commands.console import WrongUse

OF_COLUMNS = ("map", "decimal", "dates", "time_zone", "micros", "sheet", "at_most_rejected")
OF_A_FILE = (*OF_COLUMNS, "today", "currency", "platform", "budget", "snapshots")
OF_A_PAGE = ("cap", "daily_budget")
OF_ORDERS = ("map_orders", "account_zone")
OF_AN_EXAM = ("success", "reward", "spread", "anchor")
OF_A_LIVE_TEST = ("cpa", "roi", "lag", "order_spread", "daily_budget")
OF_AN_EXPORT = (*OF_A_FILE, "mature_after", "page", "anonymous")


def refuse_unread(arguments: argparse.Namespace, names: Collection[str], why: str) -> None:
    """Raise WrongUse where one of these was said; `why` says what they would need."""
    said = [option for name, option in arguments.said.items() if name in names]
    if said:
        listed = " and ".join([", ".join(said[:-1]), said[-1]] if said[1:] else said)
        raise WrongUse(f"{listed}: {why}")
