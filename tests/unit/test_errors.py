"""Every error of ours says whether a retry can mend it, and with which exit code it ends a command."""

from __future__ import annotations

import ast
import builtins
import importlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from gaelp import errors
from gaelp.errors import FAILED, WRONG_USE, GaelpError

ROOT = Path(__file__).resolve().parents[2]
PERMANENT = {
    "BrokenContract",
    "CalibrationError",
    "CorruptContent",
    "InvalidDecision",
    "InvalidPolicy",
    "InvalidReplay",
    "LedgerConflict",
    "MadeForSomethingElse",
    "MissingContent",
    "NoDollarRate",
    "NoTracing",
    "NotADigest",
    "NotCertified",
    "NotItsOwnWord",
    "NotItsTerms",
    "OutsideDollarBounds",
    "RatingsFailed",
    "RatingsMismatch",
    "RemoteRefused",
    "RunStopped",
    "StaleRecording",
    "UnboundedBilling",
    "UnfitRequest",
    "UnknownAccount",
    "UnknownAgent",
    "UnknownAlert",
    "UnknownCurrency",
    "UnknownEnvironment",
    "UnknownLog",
    "UnknownPlatform",
    "UnknownRequest",
    "UnknownStep",
    "UnreadableCertificate",
    "UnregisteredRun",
    "WrongMetricsAddress",
}
WRONG_USES = {
    "ConfigurationErrors",
    "IngestError",
    "InvalidPolicy",
    "InvalidReplay",
    "LogExists",
    "NotCertified",
    "NotLookedAt",
    "UnknownAgent",
    "UnknownEnvironment",
    "WrongUse",
}
Bases = Mapping[str, tuple[str, ...]]


def sources() -> dict[str, str]:
    """The source of each module of the library and of the activities, by its dotted name."""
    files = [file for folder in ("gaelp", "activities") for file in sorted((ROOT / folder).rglob("*.py"))]
    return {".".join(file.relative_to(ROOT).with_suffix("").parts): file.read_text() for file in files}


def classes(source: str) -> dict[str, tuple[str, ...]]:
    """The names of the bases of each class that a module defines."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)]
    return {node.name: tuple(ast.unparse(base).split(".")[-1] for base in node.bases) for node in nodes}


def descendants(bases: Bases, roots: set[str]) -> set[str]:
    """The classes that derive from a root, at whatever depth."""
    known = set(roots)
    while grown := {name for name, parents in bases.items() if known & set(parents)} - known:
        known |= grown
    return known - roots


def foreign(bases: Bases) -> set[str]:
    """The error classes that do not derive from GaelpError."""
    exceptions = {name for name, kind in vars(builtins).items() if isinstance(kind, type)}
    exceptions = {name for name in exceptions if issubclass(getattr(builtins, name), BaseException)}
    return descendants(bases, exceptions) - descendants(bases, {"GaelpError"}) - {"GaelpError"}


def error_classes() -> dict[str, type[GaelpError]]:
    """Every error class of ours by its name."""
    by_module = {module: classes(source) for module, source in sources().items()}
    ours = descendants({name: bases for found in by_module.values() for name, bases in found.items()}, {"GaelpError"})
    places = [(module, name) for module, found in by_module.items() for name in sorted(ours & set(found))]
    return {name: getattr(importlib.import_module(module), name) for module, name in places}


def test_every_error_class_derives_from_the_base() -> None:
    """No error class in gaelp or activities stands beside the base."""
    assert foreign({name: bases for source in sources().values() for name, bases in classes(source).items()}) == set()


@pytest.mark.parametrize(
    "planted",
    [
        "class Planted(ValueError): ...",
        "class Refusing(Exception): ...\nclass Planted(Refusing): ...",
        "import subprocess\nclass Planted(ConnectionError, builtins.OSError): ...",
    ],
)
def test_a_planted_foreign_error_is_found(planted: str) -> None:
    """An error class without the base is reported, and one with it is not."""
    assert "Planted" in foreign(classes(planted))
    assert foreign(classes("class Good(GaelpError, ValueError): ...\nclass Better(Good): ...")) == set()


def test_no_retry_mends_exactly_these() -> None:
    """An error is permanent for Temporal only where it was meant to be; an outage never is."""
    assert {name for name, kind in error_classes().items() if kind.permanent} == PERMANENT


def test_exit_code_two_is_for_exactly_these_and_the_book_names_them() -> None:
    """Wrong usage ends with 2, every other error with 1, and the docstring of gaelp/errors.py lists the former."""
    codes = {name: kind.exit_code for name, kind in error_classes().items()}
    assert {name for name, code in codes.items() if code == WRONG_USE} == WRONG_USES
    assert {name for name, code in codes.items() if code == FAILED} == set(codes) - WRONG_USES
    assert ", ".join(sorted(WRONG_USES)) in " ".join((errors.__doc__ or "").split())
