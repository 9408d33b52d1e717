"""Whether a verb may write to the place that its user named: a file of somebody else's is not written over.

Touch this when a verb writes another kind of file. It is read with every command line, so that it imports little.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from gaelp.commands.console import WrongUse

ACCOUNT_PAGE = b'content="gaelp account page"'
RUN_PAGE = b'content="gaelp report page"'
FIGURE = b"Software\x00gaelp"
_HEAD = 2_000  # bytes, in which a file of ours says what it is


def force_option(parser: argparse.ArgumentParser) -> None:
    """What writes over a file all the same."""
    parser.add_argument(
        "--force", action="store_true", help="write over a file that is there already and was not made by this verb"
    )


def refuse_to_overwrite(
    option: str, place: Path, mark: bytes | None, arguments: argparse.Namespace, read: Iterable[str] = ()
) -> None:
    """Raise WrongUse where `place` is a file without `mark` and nothing forces it, or one of those that are read.

    A file that people edit has no mark, and is only written over where somebody says so.
    """
    if place.is_dir():
        raise WrongUse(f"{option} {place} is a folder: name a file")
    if not place.exists():
        return
    if any(Path(file).exists() and place.samefile(file) for file in read):
        raise WrongUse(f"{option} {place} is the file that is read: name another")
    if not arguments.force and (mark is None or not _is_ours(place, mark)):
        raise WrongUse(f"{option} {place} is there already: name another file, or write over it with --force")


def refuse_foreign_folder(option: str, folder: Path, page: str, mark: bytes, arguments: argparse.Namespace) -> None:
    """Raise WrongUse where `folder` holds files and no `page` of ours among them, unless forced."""
    if folder.exists() and not folder.is_dir():
        raise WrongUse(f"{option} {folder} is a file: name a folder")
    if not folder.is_dir() or not any(folder.iterdir()) or arguments.force:
        return
    if not (folder / page).is_file() or not _is_ours(folder / page, mark):
        raise WrongUse(
            f"{option} {folder} holds other files and no report: name another folder, or write into it with --force"
        )


def _is_ours(place: Path, mark: bytes) -> bool:
    try:
        with place.open("rb") as file:
            return mark in file.read(_HEAD)
    except OSError:
        return False
