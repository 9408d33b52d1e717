"""From lines of a log to columns of text, many lines at a time; what cannot be taken apart is kept aside.

The cells are cut by pyarrow's csv reader. It would read a quote that does not close to the end of the file, so that
such lines are found before. Touch this to take lines apart otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from gaelp.arrays import B1, I8
from gaelp.records.logs.log_files import Block, Digest, blocks
from gaelp.records.logs.log_layouts import Layout

_RAW = 2000  # characters kept of a rejected line
Columns = Mapping[int, Any]


@dataclass(frozen=True)
class CutLines:
    """Lines as columns of text, and those that could not be cut."""

    numbers: I8  # [N]
    columns: Columns  # place -> string[N]
    texts: Any  # string[N], the lines as they are
    broken: Any  # table of `line`, `reason`, `raw`


def rejected_table(numbers: Sequence[int] | I8, reasons: Any, texts: Any) -> Any:
    """Lines that are not taken, as the warehouse stores them."""
    raw = pc.utf8_slice_codeunits(texts, 0, _RAW)
    columns = {"line": pa.array(numbers, pa.int64()), "reason": pc.cast(reasons, pa.string()), "raw": raw}
    return pa.table(columns)


def cut_lines(path: str, layout: Layout, places: Sequence[int], digest: Digest) -> Iterator[CutLines]:
    """All rows of a file below its header, as the columns at these places."""
    first = layout.first_line + layout.header
    for block in blocks(path, digest):
        yield _cut(_below(block, first), layout, places)


def _below(block: Block, first: int) -> Block:
    """The block without the lines above `first`."""
    skipped = min(max(first - block.first, 0), block.text.count(b"\n")) if block.first < first else 0
    if not skipped:
        return block
    rest = block.text.split(b"\n", skipped)[-1]
    return Block(block.first + skipped, rest)


def _cut(block: Block, layout: Layout, places: Sequence[int]) -> CutLines:
    ends = np.flatnonzero(np.frombuffer(block.text, np.uint8) == 10)
    begins = np.concatenate(([0], ends + 1)).astype(np.int32)
    buffers = [None, pa.py_buffer(begins), pa.py_buffer(block.text)]
    lines = pa.Array.from_buffers(pa.binary(), len(ends), buffers)
    full = np.diff(begins) > 1
    no_text, no_quotes = _no_text(block.text, lines), _stray_quotes(block.text, lines, layout.delimiter)
    whole = full & ~no_text & ~no_quotes
    numbers = block.first + np.flatnonzero(whole)
    kept = lines if whole.all() else lines.filter(pa.array(whole))
    wrong, columns = _cells(kept, layout, places)
    texts = _trimmed(kept)
    broken = [
        _aside(lines, block.first, no_text & full, "not UTF-8"),
        _aside(lines, block.first, no_quotes & full & ~no_text, "unclosed or stray quote"),
        rejected_table(numbers[wrong], pa.repeat("wrong number of columns", len(wrong)), texts.take(pa.array(wrong))),
    ]
    if len(wrong):
        right = np.ones(len(numbers), bool)
        right[wrong] = False
        numbers, texts = numbers[right], texts.filter(pa.array(right))
    return CutLines(numbers, columns, texts, pa.concat_tables(broken).sort_by("line"))


def _no_text(text: bytes, lines: Any) -> B1:
    """Which lines are not UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return np.array([not _decodes(line) for line in lines.to_pylist()], bool)
    return np.zeros(len(lines), bool)


def _decodes(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _stray_quotes(text: bytes, lines: Any, delimiter: str) -> B1:
    """Which lines have a quote that does not close, or text behind one that does."""
    if b'"' not in text:
        return np.zeros(len(lines), bool)
    mark = re.escape(delimiter)
    cell = rf'(?:"(?:[^"]|"")*"|[^"{mark}\n][^{mark}\n]*|)'
    good = pc.match_substring_regex(lines, rf"^{cell}(?:{mark}{cell})*\n$")
    closed: B1 = good.to_numpy(zero_copy_only=False)
    return ~closed


def _cells(lines: Any, layout: Layout, places: Sequence[int]) -> tuple[I8, Columns]:
    """Which of the lines have another number of columns, and the columns of the others."""
    names = [str(place) for place in range(layout.width)]
    wanted = [str(place) for place in places]
    wrong: list[int] = []

    def keep_aside(row: Any) -> str:
        wrong.append(row.number - 1)
        return "skip"

    if len(lines) == 0:
        return np.zeros(0, np.int64), {place: pa.array([], pa.string()) for place in places}
    _, offsets, data = lines.buffers()
    first, last = np.frombuffer(offsets, np.int32)[[lines.offset, lines.offset + len(lines)]]
    table = csv.read_csv(
        pa.BufferReader(data.slice(first, last - first)),
        csv.ReadOptions(use_threads=False, column_names=names, block_size=int(last - first) + 1),
        csv.ParseOptions(delimiter=layout.delimiter, invalid_row_handler=keep_aside),
        csv.ConvertOptions(
            include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
        ),
    )
    return np.array(wrong, np.int64), {int(name): table[name].combine_chunks() for name in wanted}


def _aside(lines: Any, first: int, chosen: B1, reason: str) -> Any:
    texts = [
        line.rstrip(b"\n").decode("utf-8", "backslashreplace") for line in lines.filter(pa.array(chosen)).to_pylist()
    ]
    return rejected_table(first + np.flatnonzero(chosen), pa.repeat(reason, len(texts)), pa.array(texts, pa.string()))


def _trimmed(lines: Any) -> Any:
    return pc.utf8_rtrim(pc.cast(lines, pa.string()), "\n")
