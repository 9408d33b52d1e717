"""Reading a log file line by line, whatever is in it.

One line is one row, so that a quoted line break costs two bad rows and never the rest of the file. Touch this to read
another kind of file.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, cast

import fsspec

from gaelp.errors import WRONG_USE, GaelpError

LONGEST_LINE = 1 << 20  # bytes; a row has some hundred
HEAD_LINES = 30  # the header is one of them: an export may begin with a title and its dates
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"


class IngestError(GaelpError, ValueError):
    """A log was refused as a whole; one sentence says why and what to do."""

    exit_code = WRONG_USE


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
            magic = raw.read(4)
            raw.seek(0)
            if magic.startswith(_GZIP):
                yield cast(IO[bytes], gzip.GzipFile(fileobj=raw))
            elif magic == _ZIP:
                yield _member(path, zipfile.ZipFile(raw))
            else:
                yield raw
    except FileNotFoundError as error:
        raise IngestError(f"there is no file {path}") from error
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise IngestError(f"{path} cannot be read: {str(error) or type(error).__name__}") from error


def _member(path: str, archive: zipfile.ZipFile) -> IO[bytes]:
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if "[Content_Types].xml" in names:
        raise IngestError(f"{path} is a spreadsheet: save the sheet as csv in UTF-8, and ingest that")
    if len(names) != 1:
        raise IngestError(f"{path} holds {len(names)} files: unpack it, and ingest the one that is the log")
    return archive.open(names[0])


def content_digest(path: str, *more: bytes) -> str:
    """SHA-256 of the file's (unzipped) bytes and of `more`; IngestError at the first line longer than LONGEST_LINE."""
    digest = hashlib.sha256()
    begun = 0  # bytes of the line that the last block has begun
    with opened(path) as stream:
        while block := stream.read(LONGEST_LINE):
            ends = [found for end in (b"\n", b"\r") if (found := block.find(end)) >= 0]
            first, last = min(ends, default=-1), max(block.rfind(b"\n"), block.rfind(b"\r"))
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
    """Every line but blank ones. Bytes that are not text in the file's encoding make a line without fields."""
    encoding, end = _writing(path)
    with opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, errors="surrogateescape", newline=end)
        for number, raw in enumerate(text, start=1):
            if stripped := raw.rstrip("\r\n"):
                yield LogLine(number, fields(stripped, delimiter), stripped)


def head(path: str) -> list[LogLine]:
    """The first lines, for telling formats apart, not taken apart; IngestError where the file is empty or not text."""
    found: list[LogLine] = []
    encoding, end = _writing(path)
    with opened(path) as stream:
        start = stream.read(LONGEST_LINE)
    text = io.StringIO(start.decode(encoding, "surrogateescape"), newline=end)
    for number, raw in enumerate(text, start=1):
        if raw.strip() and len(found) < HEAD_LINES:
            found.append(LogLine(number, None, raw.rstrip("\r\n")))
    if not found:
        raise IngestError(f"{path} is empty")
    if "\x00" in found[0].raw or any("\ud800" <= c <= "\udfff" for c in found[0].raw):
        raise IngestError(f"{path} is not a text file; a log is csv in UTF-8 or UTF-16, as it is, in gzip or in zip")
    return found


def _writing(path: str) -> tuple[str, str]:
    """The file's encoding and what ends its lines: an old spreadsheet's are carriage returns."""
    with opened(path) as stream:
        start = stream.read(LONGEST_LINE)
    encoding = "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    return encoding, "\r" if b"\r" in start and b"\n" not in start else "\n"


def fields(text: str, delimiter: str) -> list[str] | None:
    """The cells of one line; None where it is not UTF-8 or its quotes do not close."""
    try:
        text.encode()  # fails on what stood for a byte that is not UTF-8
        return next(csv.reader((text,), delimiter=delimiter, strict=True))
    except (UnicodeEncodeError, csv.Error):
        return None


def shown(header: Sequence[str]) -> str:
    """A header for a message: its first columns, none of them long."""
    columns = [name if len(name) <= 40 else f"{name[:40]}…" for name in header[:12]]
    return ", ".join([*columns, *(["…"] if len(header) > 12 else [])])
