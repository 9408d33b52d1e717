"""What the Tab key completes: verbs, options, their choices, and the names of runs and accounts in the ledger.

The shell calls starter.py for it once it was told to (README.md). Touch this to complete another kind of name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gaelp.commands import connections
from gaelp.commands.parser import VERBS, build
from gaelp.errors import GaelpError

if TYPE_CHECKING:
    from gaelp.ledger.ledger import Ledger


def complete() -> None:
    """Answer the shell and end the process."""
    import argcomplete

    words = os.environ.get("COMP_LINE", "").split()
    verb = next((word for word in words if word in VERBS), None)
    parser = build(verb)
    if verb is not None:
        _name(parser)
    argcomplete.autocomplete(parser, always_complete_options=False)


def _name(parser: Any) -> None:
    """Give the arguments that name a run or an account what to complete them with."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list of them
        for nested in (action.choices or {}).values() if hasattr(action, "add_parser") else ():
            _name(nested)
        if action.metavar == "RUN":
            action.completer = _from_ledger(lambda ledger: [each.run for each in ledger.runs()])
        if action.dest == "account":
            action.completer = _from_ledger(lambda ledger: [each.account for each in ledger.accounts()])


def _from_ledger(names: Callable[[Ledger], Sequence[str]]) -> Callable[..., Iterable[str]]:
    """Nothing where there is no ledger, and none is made; an error would be shown amid what a person types."""

    def read(prefix: str, **_: object) -> Iterable[str]:
        try:
            settings = connections.read_settings()
            if not connections.has_ledger(settings):
                return []
            ledger = connections.open_ledger(settings)
        except GaelpError:
            return []
        try:
            return [name for name in names(ledger) if name.startswith(prefix)]
        finally:
            ledger.close()

    return read
