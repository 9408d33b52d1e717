"""How large folders, modules and functions of the product may be. Touch this and docs/why.md to change a limit.

A package's `__init__`, tests and scripts are not counted.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from tests.architecture import exceptions
from tests.architecture.product import differences, modules, sources

MODULES = 15  # of one folder
LINES = 300  # of one module
FUNCTION_LINES = 40
PARAMETERS = 6  # without self and cls


def full_folders(names: Iterable[str]) -> dict[str, str]:
    """The folders with too many modules, from modules' dotted names (without packages')."""
    counts = Counter(name.rpartition(".")[0] for name in names)
    return {folder: f"has {count} modules" for folder, count in counts.items() if folder and count > MODULES}


def long_modules(texts: Mapping[str, str]) -> dict[str, str]:
    """The modules with too many lines."""
    lines = {name: len(text.splitlines()) for name, text in texts.items()}
    return {name: f"has {count} lines" for name, count in lines.items() if count > LINES}


def long_functions(module: str, source: str) -> dict[str, str]:
    """The functions of a module with too many lines, decorators not counted."""
    lengths = {name: (node.end_lineno or node.lineno) - node.lineno + 1 for name, node in _functions(module, source)}
    return {name: f"has {length} lines" for name, length in lengths.items() if length > FUNCTION_LINES}


def many_parameters(module: str, source: str) -> dict[str, str]:
    """The functions of a module with too many parameters."""
    counts = {name: _parameters(node) for name, node in _functions(module, source)}
    return {name: f"has {count} parameters" for name, count in counts.items() if count > PARAMETERS}


def _functions(module: str, source: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function of a module, with a name that says where it stands: `module.Class.function`."""

    def below(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for child in ast.iter_child_nodes(node):
            name = f"{prefix}.{child.name}" if hasattr(child, "name") and child.name else prefix
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield name, child
            yield from below(child, name)

    yield from below(ast.parse(source), module)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return sum(parameter.arg not in ("self", "cls") for parameter in given)


def _counted() -> dict[str, str]:
    packages = {name for name, file in modules().items() if file.name == "__init__.py"}
    return {name: text for name, text in sources().items() if name not in packages}


def test_no_folder_has_too_many_modules() -> None:
    """A folder of the product has at most 15 modules: more means that rooms are missing."""
    assert not full_folders(_counted())


def test_no_module_is_too_long() -> None:
    """A module of the product has at most 300 lines."""
    wrong = differences(long_modules(_counted()), exceptions.LONG_MODULES)
    assert not wrong, wrong


def test_no_function_is_too_long() -> None:
    """A function of the product has at most 40 lines."""
    found = {name: wrong for module, text in _counted().items() for name, wrong in long_functions(module, text).items()}
    wrong = differences(found, exceptions.LONG_FUNCTIONS)
    assert not wrong, wrong


def test_no_function_has_too_many_parameters() -> None:
    """A function of the product has at most six parameters."""
    found = {
        name: wrong for module, text in _counted().items() for name, wrong in many_parameters(module, text).items()
    }
    wrong = differences(found, exceptions.MANY_PARAMETERS)
    assert not wrong, wrong


def test_a_planted_folder_of_sixteen_modules_is_found() -> None:
    """The rule about folders finds sixteen modules, and lets fifteen be."""
    assert full_folders(f"gaelp.planted.module{index}" for index in range(16)) == {"gaelp.planted": "has 16 modules"}
    assert not full_folders(f"gaelp.planted.module{index}" for index in range(15))


def test_a_planted_module_of_301_lines_is_found() -> None:
    """The rule about modules finds 301 lines, and lets 300 be."""
    assert long_modules({"gaelp.planted": "x = 1\n" * 301}) == {"gaelp.planted": "has 301 lines"}
    assert not long_modules({"gaelp.planted": "x = 1\n" * 300})


def test_a_planted_function_of_41_lines_is_found() -> None:
    """The rule about functions finds 41 lines, also within a class, and lets 40 be."""
    body = "        x = 1\n" * 40
    assert long_functions("gaelp.planted", f"class A:\n    def f(self):\n{body}") == {
        "gaelp.planted.A.f": "has 41 lines"
    }
    assert not long_functions("gaelp.planted", "def f():\n" + "    x = 1\n" * 39)


def test_a_planted_seventh_parameter_is_found() -> None:
    """The rule about parameters counts every kind of them but self, and lets six be."""
    assert many_parameters("gaelp.planted", "class A:\n    def f(self, a, b, /, c, d, e, *, f, g): ...") == {
        "gaelp.planted.A.f": "has 7 parameters"
    }
    assert not many_parameters("gaelp.planted", "class A:\n    async def f(self, a, b, c, d, *, e, f): ...")


def test_an_exception_that_is_not_needed_any_more_is_reported() -> None:
    """A list of exceptions only shrinks: an entry whose name keeps the rule fails the test, as a new violation does."""
    assert "take it out" in differences({}, ["gaelp.planted.f"])
    assert differences({"gaelp.planted.g": "has 7 parameters"}, []) == "gaelp.planted.g: has 7 parameters"
    assert not differences({"gaelp.planted.g": "has 7 parameters"}, ["gaelp.planted.g"])
