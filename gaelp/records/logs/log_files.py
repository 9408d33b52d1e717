"""The bytes and the lines of a log file, whatever holds them: plain, gzip or zip; UTF-8 or UTF-16; any line ends.

One line is one row, so that a quoted line break costs two bad rows and never the rest of the file. Touch this to read
another kind of text file.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

import fsspec

from gaelp.errors import WRONG_USE, GaelpError

LONGEST_LINE = 1 << 20  # bytes; a row has some hundred
HEAD_LINES = 30  # the header is one of them: an export may begin with a title and its dates
_BLOCK = 2 << 20  # bytes of the lines that are read together
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"


class IngestError(GaelpError, ValueError):
    """A log was refused as a whole; one sentence says why and what to do."""

    exit_code = WRONG_USE


@dataclass(frozen=True)
class Block:
    """Whole lines of a file in UTF-8, each with a line feed behind it."""

    first: int  # number of its first line; 1 is the file's first
    text: bytes


@contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """The file's bytes, unzipped where gzip or zip; IngestError where it cannot be read."""
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
    if len(names) != 1:
        raise IngestError(f"{path} holds {len(names)} files: unpack it, and ingest the one that is the log")
    return archive.open(names[0])


class Digest:
    """SHA-256 of the bytes that were read, as they were, and of parts that belong to them."""

    def __init__(self, *parts: bytes) -> None:
        self._sha, self._parts = hashlib.sha256(), parts

    def update(self, data: bytes) -> None:
        """Take bytes of the file in."""
        self._sha.update(data)

    def hexdigest(self) -> str:
        """Of all bytes so far, and the parts."""
        whole = self._sha.copy()
        for part in self._parts:
            whole.update(hashlib.sha256(part).digest())
        return whole.hexdigest()


def content_digest(path: str, *more: bytes) -> str:
    """SHA-256 of the file's (unzipped) bytes and of `more`; IngestError at the first line longer than LONGEST_LINE."""
    digest = Digest(*more)
    for _ in _pieces(path, digest):
        pass
    return digest.hexdigest()


def _pieces(path: str, digest: Digest) -> Iterator[bytes]:
    """The file's bytes; a line that does not end is refused before more of it is read."""
    begun = 0  # bytes of the line that the last piece has begun
    with opened(path) as stream:
        while piece := stream.read(LONGEST_LINE):
            ends = [found for end in (b"\n", b"\r") if (found := piece.find(end)) >= 0]
            first, last = min(ends, default=-1), max(piece.rfind(b"\n"), piece.rfind(b"\r"))
            if begun + (first if first >= 0 else len(piece)) > LONGEST_LINE:
                raise IngestError(
                    f"{path} has a line of more than {LONGEST_LINE:,} bytes: a log has one row on each line"
                )
            begun = len(piece) - 1 - last if last >= 0 else begun + len(piece)
            digest.update(piece)
            yield piece


def blocks(path: str, digest: Digest) -> Iterator[Block]:
    """All lines of the file, many at a time; what is read is taken into the digest."""
    number, kept = 1, bytearray()
    for text in _in_utf8(_pieces(path, digest)):
        kept += text
        if len(kept) >= _BLOCK:
            cut = max(kept.rfind(b"\n"), kept.rfind(b"\r", 0, -1)) + 1  # at its end it may be half a line end
            block = Block(number, _with_line_feeds(bytes(kept[:cut])))
            del kept[:cut]
            number += block.text.count(b"\n")
            yield block
    if kept:
        text = _with_line_feeds(bytes(kept))
        yield Block(number, text if text.endswith(b"\n") else text + b"\n")


def _with_line_feeds(text: bytes) -> bytes:
    """An old spreadsheet's lines end with carriage returns, Windows' with both."""
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in text else text


def _in_utf8(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same text in UTF-8, without a byte order mark."""
    decoder: Any = None
    for index, piece in enumerate(pieces):
        if index == 0 and piece.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            decoder = codecs.getincrementaldecoder("utf-16")("replace")
        if decoder is not None:
            yield decoder.decode(piece).encode()
        else:
            yield piece.removeprefix(codecs.BOM_UTF8) if index == 0 else piece


def head(path: str) -> list[tuple[int, str]]:
    """The first lines with their numbers, for telling formats apart; IngestError where it is empty or not text."""
    block = next(blocks(path, Digest()), None)
    lines = enumerate(block.text.split(b"\n", 20 * HEAD_LINES)[: 20 * HEAD_LINES], start=1) if block else ()
    found = [(number, line) for number, line in lines if line.strip()][:HEAD_LINES]
    if not found:
        raise IngestError(f"{path} is empty")
    if b"\x00" in found[0][1] or not _is_utf8(found[0][1]):
        raise IngestError(
            f"{path} is not a text file; a log is csv in UTF-8 or UTF-16, as it is, in gzip or in zip, a spreadsheet "
            "or Parquet"
        )
    return [(number, line.decode("utf-8", "replace")) for number, line in found]


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def shown(header: Sequence[str]) -> str:
    """A header for a message: its first columns, none of them long."""
    columns = [name if len(name) <= 40 else f"{name[:40]}…" for name in header[:12]]
    return ", ".join([*columns, *(["…"] if len(header) > 12 else [])])
