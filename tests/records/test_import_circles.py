"""No room of the records imports in a circle, not even inside a function."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("warehouse", "events", "logs")


def imports(source: str) -> set[str]:
    """Every module that a source imports, at its head or inside a function."""
    return {node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}


def circles(modules: dict[str, set[str]]) -> list[str]:
    """Modules from which a path of imports leads back to themselves."""

    def reached(start: str) -> set[str]:
        done: set[str] = set()
        waiting = [start]
        while waiting:
            following = modules.get(waiting.pop(), set()) - done
            done |= following
            waiting += following
        return done

    return sorted(name for name in modules if name in reached(name))


def test_no_module_of_the_records_is_in_an_import_circle() -> None:
    """A back end imports the interface, and only the module that chooses imports the back ends."""
    for room in ROOMS:
        folder = ROOT / "gaelp" / "records" / room
        modules = {f"gaelp.records.{room}.{file.stem}": imports(file.read_text()) for file in folder.glob("*.py")}
        assert len(modules) > 3 and not circles(modules), room


def test_a_circle_through_a_function_is_found() -> None:
    """Planted: the interface opens a back end inside a function."""
    interface = imports("def opened():\n    from b import Back")
    assert circles({"a": interface, "b": imports("from a import Interface"), "c": imports("from a import X")}) == [
        "a",
        "b",
    ]
