"""Every setting is read by product code, or is listed with what it waits for.

Product code is gaelp without gaelp/domain/config (which only declares and checks settings), workflows, activities and
the two scripts at the root. A setting counts as read where its field is taken from its section; the walk follows
names, annotated parameters and annotated fields that hold a section. Touch this to let the walk follow another way.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from gaelp.domain.config import older_form
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.settings_without_effect import WITHOUT_EFFECT, notes_on
from gaelp.domain.gates.criteria_table import CRITERIA

ROOT = Path(__file__).resolve().parents[4]
SETTINGS = {".".join(path) for path in older_form.paths(TrainingConfiguration)}
SECTIONS: dict[str, type[BaseModel]] = {
    name: field.annotation
    for name, field in TrainingConfiguration.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}
SECTION_OF_CLASS = {section.__name__: name for name, section in SECTIONS.items()}

WAITING = {
    "economics.conversion_action": "platforms: a real platform reports conversions by action",
    "scaled.transfer": "portfolio: criterion 13 compares with a specialist",
    "safety.minimum_quality": "content: a quality score of creatives",
}
"""The settings that nothing reads, each with the requirement that will read it."""


def product_code() -> Iterator[str]:
    """The source of each product module."""
    folders = (ROOT / name for name in ("gaelp", "workflows", "activities"))
    files = [file for folder in folders for file in folder.rglob("*.py")]
    declared = ROOT / "gaelp" / "domain" / "config"
    for file in (*files, ROOT / "starter.py", ROOT / "worker.py"):
        if declared not in file.parents:
            yield file.read_text(encoding="utf-8")


def read_in(source: str) -> set[str]:
    """Paths of the settings that one module reads."""
    tree = ast.parse(source)
    holders = _names_of_sections(tree)
    return {path for node in ast.walk(tree) for path in _read_by(node, holders, tree) if path in SETTINGS}


def _names_of_sections(tree: ast.AST) -> dict[str, str]:
    """Names and attributes of a module that hold a section, each with the section."""
    holders = {name: name for name in SECTIONS}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            holders |= _if_section(node.arg, node.annotation)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            holders |= _if_section(node.target.id, node.annotation)
        elif isinstance(node, ast.Assign):
            for name, value in _assigned(node):
                if isinstance(name, ast.Name) and isinstance(value, ast.Attribute) and value.attr in SECTIONS:
                    holders[name.id] = value.attr
    return holders


def _if_section(name: str, annotation: ast.expr) -> dict[str, str]:
    section = SECTION_OF_CLASS.get(ast.unparse(annotation).rpartition(".")[2])
    return {name: section} if section else {}


def _assigned(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts, strict=False)
        else:
            yield target, node.value


def _read_by(node: ast.AST, holders: dict[str, str], tree: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        section = _section(node.value, holders)
        yield f"{section}.{node.attr}" if section else node.attr if _is_configuration(node.value) else ""
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "threshold_of":
        if isinstance(node.args[0], ast.Constant):  # one that is asked for by a variable shows no reader of any one
            yield CRITERIA[ast.literal_eval(node.args[0])].setting
    elif isinstance(node, ast.DictComp):
        yield from _read_for_a_message(node, holders, tree)


def _section(node: ast.expr, holders: dict[str, str]) -> str | None:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return holders.get(name)


def _is_configuration(node: ast.expr) -> bool:
    """`config`, `start.config`, `inputs.config(digest)` and the like."""
    called = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(called).rpartition(".")[2] == "config"


def _read_for_a_message(node: ast.DictComp, holders: dict[str, str], tree: ast.AST) -> Iterator[str]:
    """`{name: getattr(SECTION, name) for name in MESSAGE.model_fields}` reads every field of the message."""
    value, each = node.value, node.generators[0].iter
    if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "getattr"):
        return
    section = _section(value.args[0], holders)
    if section and isinstance(each, ast.Attribute) and each.attr == "model_fields":
        for name in _imported(ast.unparse(each.value), tree).model_fields:
            yield f"{section}.{name}"


def _imported(name: str, tree: ast.AST) -> Any:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            return getattr(importlib.import_module(node.module or ""), name)
    raise LookupError(name)


def unread(sources: Iterator[str]) -> set[str]:
    """The settings that none of the modules reads."""
    return SETTINGS - {path for source in sources for path in read_in(source)}


def test_a_setting_without_reader_is_listed_with_what_it_waits_for() -> None:
    """Nothing can be set that changes nothing, unless the list says so; and the list names nothing that is read."""
    assert unread(product_code()) == set(WAITING)


def test_validate_speaks_of_exactly_those_settings() -> None:
    """What the code does not read and what `validate` says to have no effect are one list."""
    assert set(WITHOUT_EFFECT) == set(WAITING)


def test_a_setting_that_loses_its_reader_is_found() -> None:
    """Planted: without the word `roi` in the product code, `live_test.roi` has no reader."""
    without = (source.replace("live_test.roi", "live_test.streak") for source in product_code())
    assert unread(without) == {*WAITING, "live_test.roi"}


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("a = config.scaled.transfer", {"scaled.transfer"}),
        ("live, other = config.live_test, 1\nb = live.roi", {"live_test.roi"}),
        ("def f(given: Limits) -> None:\n    return given.alerts", {"limits.alerts"}),
        ("class Line:\n    settings: Remote\nx = line.settings.url", {"remote.url"}),
        ("x = threshold_of('12', config)", {"scaled.success"}),
        ("x = self._inputs.config(digest).seed", {"seed"}),
        ("x = measures.improvement, re.match, other.alerts, campaign.agent", set()),
        ("x = 'scaled.transfer'", set()),
    ],
)
def test_only_what_is_taken_from_its_section_counts_as_read(source: str, read: set[str]) -> None:
    """A field of the same name on another object, or a mere mention, is no reader."""
    assert read_in(source) == read


def test_a_note_is_given_for_what_is_set_and_for_nothing_else() -> None:
    """The defaults have no notes; a setting that differs has one, which names it and what it waits for."""
    assert notes_on(TrainingConfiguration()) == ()
    config = TrainingConfiguration.model_validate({"scaled": {"transfer": 0.7}, "simulation": {"success_rate": 0.9}})
    (note,) = notes_on(config)
    assert note.startswith("scaled.transfer is set and has no effect yet") and "criterion 13" in note
