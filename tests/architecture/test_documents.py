"""What code and documents name exists: documents, their sections, criteria and paths. Touch this to name another kind.

A reference is written in full, `docs/gates.md, criterion 9` or `docs/money.md`, so that a reader finds it at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from tests.architecture import exceptions
from tests.architecture.product import ROOT, differences, modules, pages, prose, python_files

DOCUMENT = re.compile(r"(?<![\w/*{}-])((?:[\w.-]+/)*[\w-]+\.md)(#[\w-]+)?")
CRITERIA = re.compile(r"docs/gates\.md,\s+criteri(?:on|a)\s+(\d+[ab]?(?:(?:,|\s+and|\s+to)\s+\d+[ab]?)*)")
HEADING = re.compile(r"^## Criterion (\d+)([ab]?):", re.MULTILINE)
OWN = ("tests/architecture/test_documents.py", "tests/architecture/exceptions.py")  # they contain planted references
# Codes of requirements in a plan that is not part of the repository; H0 is the null hypothesis.
CODE = re.compile(r"\b(?!H0\b)[SHLDECPFGIRVX]\d{1,2}\b")
LINK = re.compile(r"\]\(([^)#\s]+)")
FOLDERS = "gaelp|workflows|activities|tests|scripts|examples|config|docs"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*(?<!-v0)|(?:starter|worker)\.py)`")  # gaelp/AdMarket-v0 is no path


def criteria() -> set[str]:
    """The numbers under which docs/gates.md has a section: 5 stands for 5a and 5b."""
    found = HEADING.findall(pages()["docs/gates.md"])
    return {number for number, _ in found} | {number + letter for number, letter in found}


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {"#" + re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def missing_documents(text: str, known: Iterable[str]) -> list[str]:
    """The documents, anchors and criteria that a text names and that do not exist, or that it does not name in full."""
    documents, wrong = pages(), []
    for name, anchor in DOCUMENT.findall(text):
        if name not in documents:
            wrong.append(f"names {name}, which is no document's path")
        elif anchor and anchor not in anchors(documents[name]):
            wrong.append(f"names {name}{anchor}, which has no such heading")
    numbers = [number for group in CRITERIA.findall(text) for number in re.findall(r"\d+[ab]?", group)]
    return wrong + [
        f"names criterion {number}, which docs/gates.md has not" for number in numbers if number not in known
    ]


def requirement_codes(text: str) -> list[str]:
    """The requirement codes that a text contains."""
    return [f"contains the code {code}" for code in CODE.findall(text)]


def missing_paths(text: str) -> list[str]:
    """The paths in backticks that do not exist in the repository."""
    return [f"names {path}, which does not exist" for path in PATH.findall(text) if not (ROOT / path).exists()]


def broken_links(page: str, text: str) -> list[str]:
    """The relative links of a page, by its path, that lead to no file of the repository."""
    targets = [target for target in LINK.findall(text) if "://" not in target]
    return [
        f"links {target}, which does not exist"
        for target in targets
        if not (ROOT / page).parent.joinpath(target).exists()
    ]


def _first(violations: dict[str, list[str]]) -> dict[str, str]:
    return {place: "; ".join(wrong) for place, wrong in violations.items() if wrong}


def test_every_document_that_code_names_exists() -> None:
    """Each document, section and criterion that a module names exists and is named in full."""
    known = criteria()
    named = {path: missing_documents(text, known) for path, text in python_files().items() if path not in OWN}
    wrong = differences(_first(named), exceptions.DOCUMENTS_NOT_IN_FULL)
    assert not wrong, wrong


def test_no_requirement_code_stands_in_code() -> None:
    """Docstrings and comments name a document's section where they give a reason, never a code of a plan."""
    found = {
        path: [c for words in prose(text) for c in requirement_codes(words)]
        for path, text in python_files().items()
        if path not in OWN
    }
    wrong = differences(_first(found), exceptions.REQUIREMENT_CODES)
    assert not wrong, wrong


def test_no_requirement_code_stands_in_a_document() -> None:
    """The documents explain themselves: none uses a code of a plan that is not in the repository."""
    assert not _first({path: requirement_codes(text) for path, text in pages().items()})


def test_every_path_that_a_document_names_exists() -> None:
    """A path in backticks in a document is that of a file or folder of the repository."""
    assert not _first({path: missing_paths(text) for path, text in pages().items() if path != "CHANGELOG.md"})


def test_every_link_of_a_document_leads_to_a_file() -> None:
    """A relative link in a document leads to a file or folder of the repository."""
    wrong = differences(
        _first({path: broken_links(path, text) for path, text in pages().items()}), exceptions.BROKEN_LINKS
    )
    assert not wrong, wrong


def test_no_module_names_a_folder_outside_the_repository() -> None:
    """The product does not know where it was made: no shared folder, no absolute path of a developer's machine."""
    for name, file in modules().items():
        text = file.read_text()
        assert "../shared" not in text and "/work/" not in text, name


@pytest.mark.parametrize(
    "text",
    ["see gates.md", "see docs/absent.md", "see docs/gates.md#no-such-heading", "see docs/gates.md, criterion 99"],
)
def test_a_planted_reference_to_nothing_is_found(text: str) -> None:
    """The rule finds a document that does not exist or is not named in full, a wrong anchor and a wrong criterion."""
    assert missing_documents(text, criteria())


def test_a_true_reference_is_not_reported() -> None:
    """The rule lets documents, anchors and criteria be that exist."""
    text = "docs/gates.md, criterion 5b; docs/gates.md, criteria 8, 9 and 10; docs/gates.md#verdicts; README.md"
    assert not missing_documents(text, criteria())


@pytest.mark.parametrize("text", ['"""Booked first (X1)."""', "x = 1  # as R4 wants", "def f():\n    '''S1: rated.'''"])
def test_a_planted_requirement_code_is_found(text: str) -> None:
    """The rule finds a code in a docstring of a module or function, and in a comment."""
    assert [code for words in prose(text) for code in requirement_codes(words)]


def test_what_only_looks_like_a_code_is_not_reported() -> None:
    """The rule lets names in code, digests, a linter's directives and the null hypothesis be."""
    source = 'F8 = 1  # noqa: S101\nx = "X1"\n# against H0: mean <= m, digest 0xE5F7, 3D\n'
    assert not [code for words in prose(source) for code in requirement_codes(words)]


def test_a_planted_path_to_nothing_is_found() -> None:
    """The rule finds a path in backticks that does not exist, and lets one that does be."""
    assert missing_paths("see `gaelp/absent/module.py`") and not missing_paths("see `gaelp/domain/phases.py`")


def test_a_planted_link_to_nothing_is_found() -> None:
    """The rule finds a link to a file that does not exist, and lets one to a file and one to another site be."""
    assert broken_links("docs/planted.md", "[optimum](../gaelp/absent.py)")
    assert not broken_links("docs/planted.md", "[ids](../gaelp/domain/ids.py), [site](https://example.com/absent)")
