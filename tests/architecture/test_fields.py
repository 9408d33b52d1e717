"""Every field of a message or of a record in gaelp.domain is read by product code. Touch this if records move.

A field that nothing reads is carried, stored and documented for nothing.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections import defaultdict
from collections.abc import Mapping

from tests.architecture import exceptions
from tests.architecture.product import ROOT, differences, sources

RECORDS = ("Frozen",)  # the base of every message and record
CONFIGURATION = "gaelp.domain.config"  # settings have a test of their own


def unread_fields(texts: Mapping[str, str]) -> dict[str, str]:
    """`Class.field` of every record in gaelp.messages and gaelp.domain that no code reads outside its own class.

    A field is read where its name is the attribute of anything in a load: `message.field`. Building a record with the
    field is no reading. Fields of one name are not distinguished, so the rule finds less than there may be.
    """
    trees = {module: ast.parse(text) for module, text in texts.items()}
    records = {
        node.name: (module, node) for module, tree in trees.items() if _holds_records(module) for node in _records(tree)
    }
    readers = defaultdict(set)
    for module, tree in trees.items():
        _collect(tree, module, readers)
    return {
        f"{name}.{field}": f"is a field of {module} that nothing reads"
        for name, (module, node) in records.items()
        for field in _fields(node)
        if not readers[field] - {f"{module}.{name}"}
    }


def _holds_records(module: str) -> bool:
    parts = module.split(".")
    return parts[:2] in (["gaelp", "messages"], ["gaelp", "domain"]) and not module.startswith(CONFIGURATION)


def _records(tree: ast.Module) -> list[ast.ClassDef]:
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return [node for node in classes if any(ast.unparse(base) in RECORDS for base in node.bases)]


def _fields(node: ast.ClassDef) -> list[str]:
    return [
        line.target.id for line in node.body if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    ]


def _collect(node: ast.AST, place: str, readers: dict[str, set[str]]) -> None:
    """Enter for every attribute that is read the module, or the outermost class, that reads it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Attribute) and isinstance(child.ctx, ast.Load):
            readers[child.attr].add(place)
        inner = f"{place}.{child.name}" if isinstance(node, ast.Module) and isinstance(child, ast.ClassDef) else place
        _collect(child, inner, readers)


def read_by_templates() -> str:
    """A module that reads what the report's page reads, because a template is no Python."""
    template = "".join(page.read_text() for page in sorted((ROOT / "gaelp/reports/pages").glob("*.html")))
    return "\n".join(f"x.{name}" for name in re.findall(r"\.([a-z_]+)", template) if not keyword.iskeyword(name))


def test_every_field_of_a_record_is_read() -> None:
    """Product code reads every field of every message and record, but for those on a list with their reasons."""
    texts = {**sources(), "gaelp.reports.report_html": read_by_templates()}
    wrong = differences(unread_fields(texts), (*exceptions.READ_AS_A_WHOLE, *exceptions.UNREAD_FIELDS))
    assert not wrong, wrong


def test_a_planted_field_that_nothing_reads_is_found() -> None:
    """The rule finds a field that is only written, also where the record itself reads it, and lets a read one be."""
    message = "class Planted(Frozen):\n    unread: int\n    read: int\n    def twice(self): return 2 * self.unread"
    texts = {"gaelp.messages.planted": message, "workflows.planted": "def f(m): return Planted(unread=1, read=m.read)"}
    assert set(unread_fields(texts)) == {"Planted.unread"}
    assert not unread_fields({**texts, "activities.planted": "def f(m): return m.unread"})
