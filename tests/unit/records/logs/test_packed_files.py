"""Files in gzip and in zip, and the older spreadsheets, hold the same rows as the csv beside them.

report.xls.gz holds the sheet `Report` of test_spreadsheets.ROWS as xlwt 1.3.0 writes it: BIFF8, with a date format.
"""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gaelp.records.logs.ingestion import IngestError, LogSource, look
from tests.unit.records.logs.test_spreadsheets import HEADER, ROWS, report, values, workbook

OLD_SHEET = Path(__file__).parent / "report.xls.gz"


def csv_file(path: Path) -> str:
    lines = [
        ",".join(HEADER),
        *(f'{day},"{name}",{shown},{clicks},{cost!r}0' for day, name, shown, clicks, cost in ROWS),
    ]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def parquet(path: Path) -> str:
    columns = zip(*ROWS, strict=True)
    pq.write_table(pa.table(dict(zip(HEADER, map(pa.array, columns), strict=True))), path)
    return str(path)


def sheet(path: Path) -> str:
    return workbook(path, Report=[HEADER, *ROWS])


def old_sheet(path: Path) -> str:
    path.write_bytes(gzip.decompress(OLD_SHEET.read_bytes()))
    return str(path)


def open_sheet(path: Path) -> str:
    """A real ODS file by hand: the parts that the format demands."""
    name = "urn:oasis:names:tc:opendocument:xmlns"
    rows = "".join(f"<table:table-row>{''.join(map(_cell, row))}</table:table-row>" for row in (HEADER, *ROWS))
    spaces = " ".join(f'xmlns:{each}="{name}:{each}:1.0"' for each in ("office", "table", "text"))
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces} office:version="1.2"><office:body><office:spreadsheet>'
        f'<table:table table:name="Report">{rows}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    entries = f'<m:file-entry m:full-path="/" m:media-type="{kind}"/>' + (
        '<m:file-entry m:full-path="content.xml" m:media-type="text/xml"/>'
    )
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("mimetype", kind)
        file.writestr("content.xml", content)
        file.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{name}:manifest:1.0">{entries}</m:manifest>')
    return str(path)


def _cell(value: Any) -> str:
    if isinstance(value, date):
        typed = f'office:value-type="date" office:date-value="{value}"'
    elif isinstance(value, int | float):
        typed = f'office:value-type="float" office:value="{value}"'
    else:
        typed = 'office:value-type="string"'
    return f"<table:table-cell {typed}><text:p>{escape(str(value))}</text:p></table:table-cell>"


def as_it_is(path: str) -> str:
    return path


def in_gzip(path: str) -> str:
    Path(f"{path}.gz").write_bytes(gzip.compress(Path(path).read_bytes()))
    return f"{path}.gz"


def in_zip(path: str) -> str:
    with zipfile.ZipFile(f"{path}.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.write(path, "folder/rows")
    return f"{path}.zip"


@pytest.mark.parametrize("packed", [as_it_is, in_gzip, in_zip])
@pytest.mark.parametrize("made", [csv_file, parquet, sheet, old_sheet, open_sheet])
def test_a_file_holds_the_same_rows_however_it_is_packed(
    tmp_path: Path, made: Callable[[Path], str], packed: Callable[[str], str]
) -> None:
    """CSV, Parquet, XLSX, XLS and ODS, each as it is, in gzip, and alone in a zip."""
    found = report(packed(made(tmp_path / "file")))
    assert (found.rows, found.rejected) == (2, 0)
    assert values(found, "cost_micros") == [1_234_000, 54_200_000] and values(found, "impressions") == [1204, 410]
    assert values(found, "at") == [datetime(2026, 9, day, tzinfo=UTC) for day in (1, 2)]
    assert values(found, "campaign") == ["Ä, A", "B"]


@pytest.mark.parametrize("made", [csv_file, parquet, sheet])
@pytest.mark.parametrize("packed", [in_gzip, in_zip])
def test_a_packed_file_that_is_cut_is_one_sentence(
    tmp_path: Path, made: Callable[[Path], str], packed: Callable[[str], str]
) -> None:
    """Half of the packed bytes is refused, and nothing of it is taken."""
    path = Path(packed(made(tmp_path / "file")))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(IngestError) as refusal:
        look(LogSource(str(path), "report", "log"))
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 300


def test_a_zip_of_several_files_is_refused(tmp_path: Path) -> None:
    """Which of them is the log is not guessed."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for name in ("one.csv", "two.csv"):
            file.writestr(name, "Day\n")
    with pytest.raises(IngestError, match="holds 2 files: unpack it"):
        report(str(tmp_path / "a.zip"))
