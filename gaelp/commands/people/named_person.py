"""What every verb asks of a person who clears, resolves, silences, undoes or resets something: a name and a reason.

Touch this to change how they are given; who may is in gaelp/ledger/rules/person_rules.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from gaelp.commands import connections
from gaelp.commands.console import WrongUse

Answer = TypeVar("Answer")


def by_person(arguments: argparse.Namespace, act: Callable[[str, str, datetime], Answer]) -> Answer:
    """What `act` answers to the person's name, the reason and the instant; raises WrongUse where one is empty."""
    try:
        return act(arguments.by or connections.user_name(), arguments.reason, connections.now())
    except ValueError as error:  # an empty name or reason
        raise WrongUse(str(error)) from None
