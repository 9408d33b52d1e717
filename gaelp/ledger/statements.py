"""SQL that is compiled once for each database, and run on the driver's own connection.

SQLAlchemy writes the SQL, knows how each database keeps a value, and holds the connections. It is not asked again for
each execution, because that costs ten times what SQLite takes for a small statement. Touch this to run a statement in
another way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

Record = TypeVar("Record")
Model = TypeVar("Model", bound=BaseModel)
Conversion = Callable[[Any], Any]
Clause = sa.Select[Any] | sa.Insert | sa.Update | sa.Delete
OfDialect = Callable[[Dialect], Clause]


class Change:
    """A statement that changes rows. Its values are those of its bound parameters, by name.

    `clause` is a function where the databases write it in different ways.
    """

    def __init__(self, clause: Clause | OfDialect) -> None:
        self._clause = clause
        self._compiled: dict[str, CompiledStatement] = {}

    def compiled(self, dialect: Dialect) -> CompiledStatement:
        """The statement as the database takes it; made at the first call."""
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            clause = self._clause(dialect) if callable(self._clause) else self._clause
            compiled = self._compiled[dialect.name] = _compile(clause, dialect)
        return compiled


class Query(Change, Generic[Record]):
    """A statement that gives rows, each made into a record by `record`, which takes the columns in their order."""

    def __init__(self, clause: Clause, record: Callable[..., Record]) -> None:
        super().__init__(clause)
        self.record = record


@dataclass(frozen=True)
class Bound:
    """One parameter in its place: the value that is given under `name`, or a constant of the statement."""

    name: str
    convert: Conversion | None
    given: bool
    constant: Any


@dataclass(frozen=True)
class CompiledStatement:
    """Text with its parameters in their order, and what the columns of its rows are converted by, where they are."""

    text: str
    bounds: tuple[Bound, ...]
    columns: tuple[tuple[int, Conversion], ...]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order in which the text names them; raises KeyError where one is missing."""
        return [
            bound.constant
            if not bound.given
            else values[bound.name]
            if bound.convert is None
            else bound.convert(values[bound.name])
            for bound in self.bounds
        ]

    def converted(self, row: tuple[Any, ...]) -> Iterable[Any]:
        """A row with its columns as Python keeps them."""
        if not self.columns:
            return row
        values = list(row)
        for position, convert in self.columns:
            values[position] = convert(values[position])
        return values


class Connection:
    """The driver's connection within one transaction; whoever opened it ends it."""

    def __init__(self, cursor: Any, dialect: Dialect) -> None:
        self._cursor = cursor
        self._dialect = dialect

    def all(self, query: Query[Record], **values: Any) -> list[Record]:
        """Every row, as a record."""
        compiled = self._execute(query, values)
        return [query.record(*compiled.converted(row)) for row in self._cursor.fetchall()]

    def first(self, query: Query[Record], **values: Any) -> Record | None:
        """The first row as a record, or None where there is none."""
        compiled = self._execute(query, values)
        row = self._cursor.fetchone()
        return None if row is None else query.record(*compiled.converted(row))

    def one(self, query: Query[Record], **values: Any) -> Record:
        """The row of a query that always has one."""
        compiled = self._execute(query, values)
        return query.record(*compiled.converted(self._cursor.fetchone()))

    def change(self, change: Change, **values: Any) -> int:
        """Change rows; returns how many."""
        self._execute(change, values)
        return int(self._cursor.rowcount)

    def change_each(self, change: Change, rows: Iterable[Mapping[str, Any]]) -> None:
        """Make the same change with other values for each of `rows`."""
        compiled = change.compiled(self._dialect)
        self._cursor.executemany(compiled.text, [compiled.arguments(values) for values in rows])

    def _execute(self, statement: Change, values: Mapping[str, Any]) -> CompiledStatement:
        compiled = statement.compiled(self._dialect)
        self._cursor.execute(compiled.text, compiled.arguments(values))
        return compiled


def given(names: Iterable[str], **constants: Any) -> dict[str, Any]:
    """For `values(...)`: each of these columns takes the value of its name, or a constant."""
    return {name: sa.bindparam(name) for name in names} | constants


def as_record(model: type[Model], columns: sa.Table) -> Callable[..., Model]:
    """Makes a row of all of a table's columns into a record with fields of their names."""
    names = tuple(column.name for column in columns.c)
    return lambda *row: model.model_validate(dict(zip(names, row, strict=True)))


def _compile(clause: Clause, dialect: Dialect) -> CompiledStatement:
    compiled: Any = clause.compile(dialect=dialect)
    bounds = tuple(_bound(compiled, name, dialect) for name in compiled.positiontup)
    types = enumerate(column.type for column in clause.exported_columns)
    columns = [(position, convert) for position, type_ in types if (convert := _from_database(type_, dialect))]
    return CompiledStatement(compiled.string, bounds, tuple(columns))


def _bound(compiled: Any, name: str, dialect: Dialect) -> Bound:
    parameter: sa.BindParameter[Any] = compiled.binds[name]
    convert = parameter.type.dialect_impl(dialect).bind_processor(dialect)
    constant = parameter.value if parameter.required or convert is None else convert(parameter.value)
    return Bound(name, convert, parameter.required, constant)


def _from_database(type_: TypeEngine[Any], dialect: Dialect) -> Conversion | None:
    return type_.dialect_impl(dialect).result_processor(dialect, None)
