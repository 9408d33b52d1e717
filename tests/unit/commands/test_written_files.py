"""A verb writes over its own files and over nobody else's. Touch with gaelp/commands/written_files.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import ROOT, Finished, shows_no_traceback

Run = Callable[..., Finished]
SHOP = str(ROOT / "examples" / "shop.csv")
PAGES = (
    ("exposure", SHOP, "--page"),
    ("audit", SHOP, "--page"),
    ("plan", SHOP, "--daily-budget", "25", "--page"),
    ("lag", SHOP, "--page"),
    ("plan", "--figure"),
    ("plan", "--gate", "live-test", "--figure"),
    ("certify", "--exams", "1", "--figure"),
    ("calibrate", SHOP, "--kind", "report", "--output"),
)


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_a_file_of_somebody_else_is_left_as_it_is(in_process: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    """Exit code 2, one sentence with the remedy, before anything is computed, and the file is what it was."""
    place = tmp_path / "mine.html"
    place.write_text("<!doctype html>my own page")
    ran = in_process(*words, str(place))
    assert ran.returncode == 2
    assert f"{words[-1]} {place} is there already: name another file, or write over it with --force" in ran.stderr
    assert place.read_text() == "<!doctype html>my own page"
    shows_no_traceback(ran)


@pytest.mark.parametrize("words", [PAGES[0], PAGES[4]], ids=" ".join)
def test_its_own_file_is_written_anew_and_another_only_when_forced(
    in_process: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    """The same command twice works, and --force takes whatever is there."""
    place = tmp_path / "made"
    assert in_process(*words, str(place)).returncode == 0
    made = place.read_bytes()
    assert in_process(*words, str(place)).returncode == 0 and place.read_bytes() == made
    place.write_text("mine")
    assert in_process(*words, str(place), "--force").returncode == 0 and place.read_bytes() == made


def test_the_file_that_is_read_is_never_written_over(in_process: Run, tmp_path: Path) -> None:
    """Not even with --force, and not by another name of it."""
    export, link = tmp_path / "shop.csv", tmp_path / "page.html"
    export.write_bytes(Path(SHOP).read_bytes())
    link.symlink_to(export)
    for place in (export, link):
        ran = in_process("audit", str(export), "--page", str(place), "--force")
        assert ran.returncode == 2 and "is the file that is read" in ran.stderr
    assert export.read_bytes() == Path(SHOP).read_bytes()
    assert "is a folder: name a file" in in_process("audit", str(export), "--page", str(tmp_path)).stderr


def test_a_report_goes_into_no_folder_of_somebody_else(in_process: Run, tmp_path: Path) -> None:
    """A folder with files and no report of ours among them is refused before the run is looked for."""
    (tmp_path / "report.html").write_text("mine")
    ran = in_process("report", "a-run", "--output", str(tmp_path))
    assert ran.returncode == 2 and "holds other files and no report" in ran.stderr
    (tmp_path / "report.html").write_text('<meta name="generator" content="gaelp report page">')
    assert "holds other files" not in in_process("report", "a-run", "--output", str(tmp_path)).stderr
