"""How every back end checks a query before it runs it. Touch this to allow another statement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlglot
from sqlglot import exp

from gaelp.records.warehouse.schema import TABLES, VIEWS
from gaelp.records.warehouse.warehouse import WarehouseError


def select(sql: str) -> exp.Expr:
    """The syntax tree of one GoogleSQL SELECT; WarehouseError for anything else."""
    try:
        statements = sqlglot.parse(sql, read="bigquery")
    except sqlglot.errors.SqlglotError as error:
        raise WarehouseError(f"not GoogleSQL: {str(error).splitlines()[0]} in {sql.strip()}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise WarehouseError(f"a query is one SELECT, not {sql.strip()[:80]!r}")
    return statements[0]


def referenced(tree: exp.Expr) -> list[str]:
    """Tables and views to define, tables first; a name that is neither is left to a WITH, or to fail."""
    named = {table.name for table in tree.find_all(exp.Table)}
    views = [name for name in VIEWS if name in named]
    tables = named.union(*(VIEWS[name].tables for name in views))
    return [name for name in TABLES if name in tables] + views


def bound(tree: exp.Expr, parameters: Mapping[str, Any], sql: str) -> dict[str, Any]:
    """The parameters that the query names; WarehouseError where one has no value."""
    named = {parameter.name for parameter in tree.find_all(exp.Parameter)}
    if missing := sorted(named - set(parameters)):
        raise WarehouseError(f"no value for @{', @'.join(missing)} in {sql.strip()}")
    return {name: parameters[name] for name in named}
