"""README's commands and licences are true. Touch this when README names another kind of thing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gaelp.commands.parser import VERBS
from gaelp.local_stack.first_use import WHEEL

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = ["README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_a_page_shows_exists(page: str) -> None:
    """A verb of starter.py that a document shows is one of the command line's, and a target of make is in Makefile."""
    text = (ROOT / page).read_text()
    verbs = set(re.findall(r"(?:python|`)\s?starter\.py ([a-z][a-z-]*)", text))
    assert verbs <= set(VERBS), verbs - set(VERBS)
    targets = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert targets <= known, targets - known


def test_the_licence_of_the_public_logs_stands_in_one_place() -> None:
    """README names the licence of the wheel that `make demo` downloads, and no code names one beside it."""
    licences = README.split("## Licences")[1]
    name, version = WHEEL.split()[0].split("==")
    assert f"{name} {version}" in licences and licences.count("Apache-2.0") == 1
    assert "README.md#licences" in (ROOT / "gaelp/local_stack/first_use.py").read_text()
    sources = [file.read_text() for file in (ROOT / "gaelp").rglob("*.py")]
    assert not [text for text in sources if "CC BY" in text or "Apache-2.0" in text]
