"""Prints what a verb returns: a JSON document for programs or text for people. Touch this to change how it looks.

With --json, stdout gets one JSON document and nothing else. Progress and notes go to stderr, plain where it is no
terminal. Whatever is printed here has the passwords of its addresses masked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaelp.errors import FAILED, WRONG_USE, GaelpError, masked
from gaelp.money import rounded_money

if TYPE_CHECKING:
    from rich.console import Console

# gaelp.errors has the two that errors end with
DONE, NOT_GRADUATED, NEEDS_SOMEBODY, INTERRUPTED = 0, 3, 4, 130


class Refused(GaelpError):
    """Ends a verb: one sentence fit for a user, an exit code, and more for --json."""

    def __init__(self, message: str, code: int = FAILED, **detail: Any) -> None:
        super().__init__(message)
        self.exit_code = code
        self._detail = detail

    def detail(self) -> dict[str, object]:
        return self._detail


class WrongUse(Refused):
    """Wrong usage or configuration: exit code 2."""

    exit_code = WRONG_USE

    def __init__(self, message: str, **detail: Any) -> None:
        super().__init__(message, WRONG_USE, **detail)


class Out:
    """The two channels of a verb."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def result(self, document: Any, *text: Any) -> None:
        """The answer: `document` as JSON, or `text` (strings and rich renderables) for people."""
        if self.as_json:
            plain = json.loads(json.dumps(document, default=_plain))
            sys.stdout.write(json.dumps(_masked(plain), indent=2) + "\n")
            return
        for part in text:
            if isinstance(part, str):
                sys.stdout.write(masked(part) + "\n")
            else:
                self.console().print(part, highlight=False, markup=False)

    def note(self, text: str) -> None:
        """A line about progress, for people."""
        sys.stderr.write(masked(text.rstrip()) + "\n")
        sys.stderr.flush()

    def card(self, markdown: str) -> None:
        """A note in Markdown, rendered where there is a terminal."""
        if not sys.stderr.isatty():
            self.note(markdown)
            return
        from rich.markdown import Markdown

        self.console(stderr=True).print(Markdown(masked(markdown)))

    def refuse(self, message: str, code: int, detail: Mapping[str, Any]) -> None:
        """A refusal, as the answer."""
        if self.as_json:
            self.result({"error": message, "exit_code": code, **detail})
        else:
            self.note(message)

    def console(self, *, stderr: bool = False) -> Console:
        """A rich console; wide and without colour where there is no terminal, so that nothing is cut or wrapped."""
        from rich.console import Console

        stream = sys.stderr if stderr else sys.stdout
        return Console(file=stream, width=None if stream.isatty() else 400)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> Any:
    """A table for people; without lines where there is no terminal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rendered = Table(
        *columns, title=title or None, title_justify="left", box=box.SIMPLE_HEAD if sys.stdout.isatty() else None
    )
    for row in rows:
        rendered.add_row(*(Text(masked(str(cell))) for cell in row))
    return rendered


def money(micros: int | None, currency: str = "") -> str:
    """Integer micros as a person reads them."""
    return "-" if micros is None else rounded_money(micros, currency)


def instant(value: datetime | None) -> str:
    """An instant to the second, in UTC."""
    return "-" if value is None else value.strftime("%Y-%m-%d %H:%M:%SZ")


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {masked(key): _masked(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_masked(each) for each in value]
    return masked(value) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (Decimal, Path)):
        return str(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
