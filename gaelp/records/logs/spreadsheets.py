"""Files that are not text, as csv: spreadsheets and Parquet. Touch this to take another form of file.

What a typed cell holds has one reading: a number is written so that its decimal point shows, and a date as ISO 8601.
"""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from gaelp.records.logs.log_files import IngestError, opened

_ZIP, _OLD_SHEET, _PARQUET = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1"
LARGEST_SHEET = 256_000_000  # bytes; a sheet has at most 1,048,576 rows
_BATCH = 65_536  # rows of a Parquet file that are written together


@contextmanager
def as_text(path: str, sheet: str = "") -> Iterator[str]:
    """The file's path, or that of a csv file with the same rows where it is no text; IngestError where it is broken."""
    with tempfile.TemporaryDirectory(prefix="gaelp-log-") as folder:
        whole = path if _form(path) else _unpacked(path, Path(folder))
        form = _form(whole)
        if sheet and form != "sheet":
            raise IngestError(f"--sheet {sheet}: {path} is no spreadsheet")
        if not form:
            yield path
            return
        text = Path(folder) / "rows.csv"
        with fsspec.open(whole, "rb") as file, text.open("wb") as out:
            if form == "parquet":
                _write_parquet(path, file, out)
            else:
                _write_sheet(path, file, sheet, out)
        yield str(text)


def _form(path: str) -> str:
    """`sheet`, `parquet`, or nothing where the bytes are read as text, or cannot be read at all."""
    try:
        with fsspec.open(path, "rb") as file:
            magic = file.read(4)
            file.seek(0)
            names = zipfile.ZipFile(file).namelist() if magic == _ZIP else []
    except (OSError, ValueError, TypeError, ImportError, zipfile.BadZipFile):
        return ""  # whoever reads it says why
    if magic == _OLD_SHEET or "[Content_Types].xml" in names or "mimetype" in names:
        return "sheet"
    return "parquet" if magic == _PARQUET else ""


def _unpacked(path: str, folder: Path) -> str:
    """Where the spreadsheet or the Parquet file is that is packed in gzip or in zip; else the path itself."""
    try:
        with opened(path) as stream:
            magic = stream.read(4)
            if magic not in (_ZIP, _OLD_SHEET, _PARQUET):
                return path
            with (folder / "unpacked").open("wb") as out:
                out.write(magic)
                shutil.copyfileobj(stream, out)
    except IngestError:
        return path  # whoever reads it says why
    return str(folder / "unpacked")


def _write_parquet(path: str, file: Any, out: IO[bytes]) -> None:
    try:
        source = pq.ParquetFile(file)
        writer: Any = None
        for batch in source.iter_batches(_BATCH, use_threads=False):
            columns = [_texts(path, name, batch.column(name)) for name in batch.schema.names]
            table = pa.table(columns, names=list(batch.schema.names))
            writer = writer or pyarrow.csv.CSVWriter(out, table.schema)
            writer.write_table(table)
    except pa.ArrowInvalid as error:
        raise IngestError(f"{path} is not whole: {str(error).splitlines()[0]}") from error
    if writer is None:
        raise IngestError(f"{path} has no rows")
    writer.close()


def _texts(path: str, name: str, values: Any) -> Any:
    kind = values.type
    if pa.types.is_dictionary(kind):
        return _texts(path, name, values.dictionary_decode())
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return pa.nulls(len(values), pa.string())  # no column of a log of ours; mapping one gives no good row
    if pa.types.is_boolean(kind):
        values = pc.cast(values, pa.int8())
    text = pc.cast(values, pa.string())
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return pc.replace_substring_regex(text, r"^(-?\d+\.\d{3})$", r"\10")
    return pc.replace_substring_regex(text, r"[\r\n]+", " ")


def _write_sheet(path: str, file: Any, sheet: str, out: IO[bytes]) -> None:
    import python_calamine as calamine  # a third of a second, and most logs are text

    raw = file.read(LARGEST_SHEET + 1)
    if len(raw) > LARGEST_SHEET:
        raise IngestError(f"{path} is larger than {LARGEST_SHEET:,} bytes: save its sheet as csv")
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(raw))
        name = _sheet_named(path, book, sheet)
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except calamine.CalamineError as error:
        raise IngestError(f"{path} is a spreadsheet that cannot be read: {error}") from error
    lines = io.TextIOWrapper(out, "utf-8", newline="")
    csv.writer(lines, lineterminator="\n").writerows([_cell(cell) for cell in row] for row in rows)
    lines.detach()


def _sheet_named(path: str, book: Any, sheet: str) -> str:
    names = list(book.sheet_names)
    if sheet:
        if sheet not in names:
            raise IngestError(f"--sheet {sheet}: {path} has the sheets {', '.join(names)}")
        return sheet
    full = [name for name in names if book.get_sheet_by_name(name).total_height]
    if len(full) != 1:
        raise IngestError(
            f"{path} has {len(full)} sheets with rows: say which with --sheet: {', '.join(full or names)}"
        )
    return str(full[0])


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        text = f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
        whole, point, rest = text.partition(".")
        return f"{whole}.{rest}0" if point and len(rest) == 3 else text
    if isinstance(value, datetime | date):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return str(value).replace("\r", " ").replace("\n", " ")
