"""Nothing private is used across modules. Touch this only to make the rule stricter.

Names with an underscore that one module imports from another are found here; `something._attribute` is found by ruff.
"""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.architecture.product import OURS, ROOT, sources


def private_imports(module: str, source: str) -> list[str]:
    """The private names that a module imports from another module of ours, and the private modules it imports."""
    wrong = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] in OURS and any(part.startswith("_") and part != "__main__" for part in parts):
                wrong.append(f"{module} imports {name}")
    return wrong


def private_attributes(source: str) -> str:
    """What ruff, as it is configured for product code, says of private attributes in a source text."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--stdin-filename",
        "gaelp/planted.py",
        "--output-format",
        "concise",
        "-",
    ]
    return subprocess.run(command, cwd=ROOT, input=source, capture_output=True, text=True, check=False).stdout


def test_no_module_imports_a_private_name_of_another() -> None:
    """What begins with an underscore is used in its own module only."""
    wrong = [line for module, source in sources().items() for line in private_imports(module, source)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "source",
    [
        "from gaelp.ledger.ledger import _row",
        "from gaelp.ledger import _rows",
        "import gaelp.ledger._rows",
        "def f():\n    from gaelp.ledger._rows import row",
    ],
)
def test_a_planted_private_import_is_found(source: str) -> None:
    """The rule finds private names and private modules, also where a function imports them."""
    assert private_imports("gaelp.planted", source)


def test_a_public_import_is_no_private_one() -> None:
    """The rule lets public names and other packages' private modules be."""
    source = "from gaelp.ledger.ledger import Ledger\nfrom numpy import _core\nfrom gaelp.local_stack import __main__"
    assert not private_imports("gaelp.planted", source)


def test_ruff_finds_a_planted_private_attribute_in_product_code() -> None:
    """`make check` refuses `something._attribute` of another object in product code, and lets one's own be."""
    assert "SLF001" in private_attributes("def f(ledger: object) -> object:\n    return ledger._rows\n")
    own = "class A:\n    _rows = 1\n\n    def f(self) -> int:\n        return self._rows\n"
    assert "SLF001" not in private_attributes(own)
