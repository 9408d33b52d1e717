"""Spreadsheets and Parquet files become the same rows as the csv that they could have been saved as."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gaelp.records.logs.column_readings import Asked
from gaelp.records.logs.ingestion import IngestError, IngestReport, LogSource, look

HEADER = ("Day", "Campaign", "Impr.", "Clicks", "Cost")
ROWS = ((date(2026, 9, 1), "Ä, A", 1204, 41, 1.234), (date(2026, 9, 2), "B", 410, 12, 54.2))


def workbook(path: Path, **sheets: Sequence[Sequence[Any]]) -> str:
    """A real XLSX file of these sheets, by hand: the few parts that the format demands."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    types, links, listed = "", "", ""
    with zipfile.ZipFile(path, "w") as file:
        for number, (name, rows) in enumerate(sheets.items(), start=1):
            cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
            file.writestr(
                f"xl/worksheets/sheet{number}.xml",
                f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>',
            )
            kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
            types += f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{kind}.worksheet+xml"/>'
            links += f'<Relationship Id="r{number}" Type="{office}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            listed += f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>'
        links += f'<Relationship Id="s" Type="{office}/styles" Target="styles.xml"/>'
        styles = '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14" applyNumberFormat="1"/></cellXfs>'
        file.writestr("xl/styles.xml", f'<styleSheet xmlns="{main}">{styles}</styleSheet>')
        file.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{listed}</sheets></workbook>'
        )
        file.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{links}</Relationships>'
        )
        start = f'<Relationship Id="w" Type="{office}/officeDocument" Target="xl/workbook.xml"/>'
        file.writestr("_rels/.rels", f'<Relationships xmlns="{package}/relationships">{start}</Relationships>')
        file.writestr("[Content_Types].xml", f'<Types xmlns="{package}/content-types">{types}</Types>')
    return str(path)


def _cell(value: Any) -> str:
    if isinstance(value, date):
        return f'<c s="1"><v>{(value - date(1899, 12, 30)).days}</v></c>'
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def report(path: str, **said: Any) -> IngestReport:
    """What would be taken of a campaign report."""
    return look(LogSource(path, "report", "log", asked=Asked(**said)))


def values(found: IngestReport, name: str) -> list[Any]:
    """A column of the first rows."""
    return [row[name] for row in found.first_rows]


def test_a_sheet_below_a_title_is_read_with_its_types(tmp_path: Path) -> None:
    """A date cell is a day, and a number cell has a decimal point even where its digits would fit thousands."""
    found = report(
        workbook(tmp_path / "a.xlsx", Report=[("Campaign report",), HEADER, *ROWS, ("Total: all", "", 1614)])
    )
    assert (found.rows, found.rejected, found.notes) == (2, 0, {"a sum of other rows, left out": 1})
    assert values(found, "cost_micros") == [1_234_000, 54_200_000] and values(found, "impressions") == [1204, 410]
    assert values(found, "at") == [datetime(2026, 9, day, tzinfo=UTC) for day in (1, 2)]
    assert values(found, "campaign") == ["Ä, A", "B"]


def test_text_in_cells_is_read_as_text(tmp_path: Path) -> None:
    """A German export that holds its numbers as text is read by what the text shows."""
    rows = [("Datum", "Kampagne", "Impr.", "Klicks", "Kosten"), ("01.09.2026", "A", "1.204", "41", "172,45")]
    found = report(workbook(tmp_path / "a.xlsx", Bericht=rows))
    assert (values(found, "impressions"), values(found, "cost_micros")) == ([1204], [172_450_000])


def test_which_of_several_sheets_is_meant_has_to_be_said(tmp_path: Path) -> None:
    """Two sheets with rows are asked about; a wrong name, and a sheet of a text file, are refused."""
    path = workbook(tmp_path / "a.xlsx", One=[HEADER, ROWS[0]], Two=[HEADER, *ROWS], Empty=[])
    with pytest.raises(IngestError, match="2 sheets with rows: say which with --sheet: One, Two"):
        report(path)
    assert report(path, sheet="Two").rows == 2
    with pytest.raises(IngestError, match="has the sheets One, Two, Empty"):
        report(path, sheet="Three")
    (tmp_path / "a.csv").write_text("Day\n")
    with pytest.raises(IngestError, match="is no spreadsheet"):
        report(str(tmp_path / "a.csv"), sheet="One")


def test_a_parquet_file_is_read_with_its_types(tmp_path: Path) -> None:
    """Instants, booleans, decimals and dictionaries are what they are, and a null is nothing."""
    table = pa.table(
        {
            "timestamp": pa.array([datetime(2026, 3, 1, 10, 0, 0, 5, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
            "item_id": pa.array(["hat", "shoe"]).dictionary_encode(),
            "click": pa.array([True, False]),
            "propensity_score": pa.array([0.125, 1.0]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found = look(LogSource(str(tmp_path / "a.parquet"), "bandit", "log"))
    assert (found.rows, found.reasons) == (1, {"timestamp is not a date and time between 1995 and 2100": 1})
    (row,) = found.first_rows
    assert (row["at"], row["item"], row["click"], row["propensity"]) == (
        datetime(2026, 3, 1, 10, 0, 0, 5, tzinfo=UTC), "hat", 1, 0.125,
    )  # fmt: skip


def test_broken_files_are_one_sentence(tmp_path: Path) -> None:
    """A cut Parquet file and a cut workbook say so."""
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    workbook(tmp_path / "a.xlsx", One=[HEADER, *ROWS])
    for name in ("a.parquet", "a.xlsx"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(IngestError) as refusal:
            report(str(tmp_path / name))
        assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 300
