"""What docs/logs.md shows of each kind of log is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gaelp.records.logs.ingestion import LogSource, look
from gaelp.records.logs.log_kinds import KINDS

PAGE = (Path(__file__).resolve().parents[2] / "docs/logs.md").read_text()
SECTIONS = {
    name: text for name, text in re.findall(r"^### ([a-z-]+):(.*?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


def test_every_kind_has_a_section_and_a_line_in_the_table() -> None:
    """None is left out, and each section has an example."""
    assert list(SECTIONS) == list(KINDS)
    required = {kind.name: [f.name for f in kind.fields if f.default is None] for kind in KINDS.values()}
    for name, columns in required.items():
        (line,) = re.findall(rf"^\| {name} \| ([^|]*) \|", PAGE, re.MULTILINE)
        assert sorted(line.split(", ")) == sorted(columns)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_comes_in_with_its_map(tmp_path: Path, kind: str) -> None:
    """No row is rejected but the sums that an export adds, which are left out."""
    (example,) = re.findall(r"^```\n(.*?)^```", SECTIONS[kind], re.MULTILINE | re.DOTALL)
    words = re.findall(r"`--map ([^`]*)`", SECTIONS[kind])
    mapping = dict(word.split("=") for word in words[0].split()) if words else {}
    (tmp_path / "log.csv").write_text(example)
    found = look(LogSource(str(tmp_path / "log.csv"), kind, "log", mapping))
    assert found.rejected == 0 and found.rows >= 1


def test_a_section_lists_every_optional_column() -> None:
    """`May also have` leaves none out."""
    for name, kind in KINDS.items():
        (listed,) = re.findall(r"May also have ([^.]*)[.]", SECTIONS[name])
        optional = {f.name for f in kind.fields if f.default is not None}
        assert optional <= set(re.findall(r"[a-z_]+", listed)), name
