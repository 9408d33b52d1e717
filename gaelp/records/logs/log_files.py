"""Reading a log file line by line, whatever is in it.

One line is one row, so that a quoted line break costs two bad rows and never the rest of the file. Touch this to read
another kind of file.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, cast

import fsspec

from gaelp.errors import GaelpError

LONGEST_LINE = 1 << 20  # bytes; a row has some hundred


class IngestError(GaelpError, ValueError):
    """A log was refused as a whole; one sentence says why and what to do."""


@dataclass(frozen=True)
class LogLine:
    """One line of a log; `fields` is None where it could not be taken apart."""

    number: int  # 1 is the file's first line
    fields: list[str] | None
    raw: str


@contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """The file's bytes, unzipped where gzip; IngestError where it cannot be read."""
    try:
        file = fsspec.open(path, "rb")
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise IngestError(f"{path} cannot be opened ({error}): give a file, or an address that fsspec knows") from error
    try:
        with file as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            yield cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if zipped else raw
    except FileNotFoundError as error:
        raise IngestError(f"there is no file {path}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise IngestError(f"{path} cannot be read: {str(error) or type(error).__name__}") from error


def content_digest(path: str, *more: bytes) -> str:
    """SHA-256 of the file's (unzipped) bytes and of `more`; IngestError at the first line longer than LONGEST_LINE."""
    digest = hashlib.sha256()
    begun = 0  # bytes of the line that the last block has begun
    with opened(path) as stream:
        while block := stream.read(LONGEST_LINE):
            first, last = block.find(b"\n"), block.rfind(b"\n")
            if begun + (first if first >= 0 else len(block)) > LONGEST_LINE:
                raise IngestError(
                    f"{path} has a line of more than {LONGEST_LINE:,} bytes: a log has one row on each line"
                )
            begun = len(block) - 1 - last if last >= 0 else begun + len(block)
            digest.update(block)
    for part in more:
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def lines(path: str, delimiter: str) -> Iterator[LogLine]:
    """Every line but blank ones. Bytes that are not UTF-8 make a line without fields."""
    with opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="\n")
        for number, raw in enumerate(text, start=1):
            if stripped := raw.rstrip("\r\n"):
                yield LogLine(number, fields(stripped, delimiter), stripped)


def fields(text: str, delimiter: str) -> list[str] | None:
    """The cells of one line; None where it is not UTF-8 or its quotes do not close."""
    try:
        text.encode()  # fails on what stood for a byte that is not UTF-8
        return next(csv.reader((text,), delimiter=delimiter, strict=True))
    except (UnicodeEncodeError, csv.Error):
        return None


def first_line(path: str) -> str:
    """The first line, for telling formats apart; IngestError where the file is empty or not text."""
    with opened(path) as stream:
        start = stream.read(LONGEST_LINE)
    if not start.strip():
        raise IngestError(f"{path} is empty")
    line = start.splitlines()[0] if start.splitlines()[0].strip() else start.strip().splitlines()[0]
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise IngestError(f"{path} is not a text file; a log is csv or csv.gz in UTF-8") from error
    if "\x00" in text:
        raise IngestError(f"{path} is not a text file; a log is csv or csv.gz in UTF-8")
    return text


def shown(header: Sequence[str]) -> str:
    """A header for a message: its first columns, none of them long."""
    columns = [name if len(name) <= 40 else f"{name[:40]}…" for name in header[:12]]
    return ", ".join([*columns, *(["…"] if len(header) > 12 else [])])
