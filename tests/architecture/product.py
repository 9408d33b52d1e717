"""The product's modules as source text, for this folder's rules. Touch this when there is a new top folder."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("gaelp", "workflows", "activities")
ENTRY_POINTS = ("starter", "worker")
OURS = (*FOLDERS, *ENTRY_POINTS)


def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name; a package stands under its own name."""
    files = [file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py")]
    files += [ROOT / f"{name}.py" for name in ENTRY_POINTS]
    named = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in files}
    return {name.removesuffix(".__init__"): file for name, file in named.items()}


def sources() -> dict[str, str]:
    """The source text of every module of the product by its dotted name."""
    return {name: file.read_text() for name, file in modules().items()}


def python_files() -> dict[str, str]:
    """The text of every Python file of the repository (product, tests, scripts, examples) by its path."""
    folders = (*FOLDERS, "tests", "scripts", "examples")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    files += [ROOT / f"{name}.py" for name in ENTRY_POINTS]
    return {str(file.relative_to(ROOT)): file.read_text() for file in sorted(files)}


def pages() -> dict[str, str]:
    """The text of every document by its path."""
    files = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
    return {str(file.relative_to(ROOT)): file.read_text() for file in files}


def prose(source: str) -> Iterator[str]:
    """The docstrings and comments of a module's source; a linter's directives are left out."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and (docstring := ast.get_docstring(node)):
            yield docstring
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not token.string.startswith("#!"):
            yield token.string.split("noqa")[0]


def differences(violations: Mapping[str, str], exceptions: Iterable[str]) -> str:
    """What is wrong and no exception, and what is an exception and no longer wrong; empty where the rule is kept.

    `violations`: {name: what is wrong with it}; `exceptions`: names from the lists in exceptions.py.
    """
    allowed = set(exceptions)
    new = [f"{name}: {wrong}" for name, wrong in violations.items() if name not in allowed]
    stale = [f"{name} keeps the rule now: take it out of exceptions.py" for name in sorted(allowed - set(violations))]
    return "\n".join([*new, *stale])
