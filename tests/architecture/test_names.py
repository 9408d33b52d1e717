"""Names of the product stand once and say what they are for. Touch this to change how things may be named."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping

import pytest

from tests.architecture import exceptions
from tests.architecture.product import ROOT, differences, modules, sources

VAGUE = {"common", "utils", "util", "helpers", "core"}
EMPTY_ON_PURPOSE = {"gaelp", "workflows"}  # Temporal's sandbox imports them for every workflow


def classes_named_twice(texts: Mapping[str, str]) -> dict[str, str]:
    """Public class names that more than one module defines, or one module twice."""
    places = defaultdict(list)
    for module, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module)
    return {name: f"is a class of {' and of '.join(where)}" for name, where in places.items() if len(where) > 1}


def modules_named_twice(names: Iterable[str]) -> dict[str, str]:
    """Module names, without their packages, that stand in more than one folder; `__main__` is no name of ours."""
    places = defaultdict(list)
    for name in names:
        places[name.rpartition(".")[2]].append(name)
    twice = {short: where for short, where in places.items() if len(where) > 1 and short != "__main__"}
    return {short: f"is the name of {' and of '.join(where)}" for short, where in twice.items()}


def vague_or_shadowing(name: str) -> bool:
    """Whether a module's dotted name hides its purpose, or its top folder hides a module of the standard library."""
    parts = name.split(".")
    return bool(VAGUE & set(parts)) or parts[0] in sys.stdlib_module_names


def says_when_to_touch_it(source: str) -> bool:
    """Whether a module's docstring says when one would touch it."""
    return bool(re.search(r"\b[Tt]ouch\b", ast.get_docstring(ast.parse(source)) or ""))


def _library() -> dict[str, str]:
    return {name: text for name, text in sources().items() if name.split(".")[0] == "gaelp"}


def test_no_public_class_name_stands_twice_in_the_library() -> None:
    """A class name stands for one thing in all of gaelp."""
    wrong = differences(classes_named_twice(_library()), exceptions.CLASSES_NAMED_TWICE)
    assert not wrong, wrong


def test_no_module_name_stands_twice_in_the_library() -> None:
    """A module name stands for one thing in all of gaelp, but for the names on a short list."""
    single = [name for name, file in modules().items() if file.name != "__init__.py" and name in _library()]
    wrong = differences(modules_named_twice(single), exceptions.MODULES_NAMED_TWICE)
    assert not wrong, wrong


def test_no_name_hides_its_purpose_or_the_standard_library() -> None:
    """No folder or module is called common, utils, helpers or core, and no top level name shadows the stdlib."""
    assert not [name for name in modules() if vague_or_shadowing(name)]


def test_no_absolute_import_is_shadowed_by_a_script_beside_it() -> None:
    """A module run as a script puts its folder first on the path: its neighbours are not named like the stdlib."""
    for name, file in modules().items():
        if (file.parent / "__main__.py").exists():
            assert file.stem in ("__init__", "__main__") or file.stem not in sys.stdlib_module_names, name


def test_every_module_and_package_says_when_to_touch_it() -> None:
    """Each docstring of a module or package says when one would touch it, but for two packages that must be empty."""
    silent = [name for name, text in sources().items() if not says_when_to_touch_it(text)]
    assert set(silent) == EMPTY_ON_PURPOSE
    for name in EMPTY_ON_PURPOSE:
        assert not (ROOT / name / "__init__.py").read_text().strip(), f"{name}/__init__.py must stay empty"


def test_a_planted_second_class_of_one_name_is_found() -> None:
    """The rule about classes finds a name in two modules, and lets private classes share one."""
    assert "Line" in classes_named_twice({"gaelp.a": "class Line: ...", "gaelp.b": "class Line: ..."})
    assert not classes_named_twice({"gaelp.a": "class _Line: ...", "gaelp.b": "class _Line: ...\nclass Row: ..."})


def test_a_planted_second_module_of_one_name_is_found() -> None:
    """The rule about modules finds a name in two folders, and lets `__main__` be."""
    assert "client" in modules_named_twice(["gaelp.a.client", "gaelp.b.client"])
    assert not modules_named_twice(["gaelp.a.__main__", "gaelp.b.__main__", "gaelp.a.client"])


@pytest.mark.parametrize("name", ["gaelp.utils", "gaelp.market.core", "gaelp.common.arrays", "json.reader"])
def test_a_planted_vague_name_is_found(name: str) -> None:
    """The rule about names finds a folder that could hold anything, and one that hides the standard library."""
    assert vague_or_shadowing(name)
    assert not vague_or_shadowing("gaelp.market.json")


def test_a_planted_module_that_does_not_say_when_to_touch_it_is_found() -> None:
    """The rule about docstrings finds one that does not say when to touch the package."""
    assert not says_when_to_touch_it('"""The market."""')
    assert says_when_to_touch_it('"""The market. Touch this to change a price."""')
