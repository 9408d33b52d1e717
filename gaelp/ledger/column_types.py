"""The types of the ledger's columns that SQLAlchemy does not have.

Instants are integer microseconds since 1970 in UTC, so that SQLite and PostgreSQL compare them alike. Touch this to
keep another kind of value.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, UserDefinedType

from gaelp.ledger.rules.valid_values import aware

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970; a naive one is refused."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        return (aware(value) - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=int(value))


class Named(TypeDecorator[StrEnum]):
    """A word of an enumeration, kept as text."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> StrEnum | None:
        return None if value is None else self.words(value)


class Sum(UserDefinedType[int]):
    """A sum of amounts. What is too large for 64 bits is rounded by SQLite: it is above every cap all the same."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The column's type, in both databases."""
        return "NUMERIC(38, 0)"
