"""Where in a file the columns are: its delimiter, its header, which may stand below a title, and each column's place.

Headers are compared in any case. Touch this to recognise another layout; a kind's columns stand in log_kinds.py.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gaelp.records.logs.log_files import IngestError, head, shown
from gaelp.records.logs.log_kinds import BANDIT, META_HEADERS, USER_FEATURES, Field, Kind

_DELIMITERS = (",", ";", "\t")
_HEADERLESS_DELIMITERS = ("\t", " ", ",", ";")
_HEADER_CURRENCY = re.compile(r"\s*\(([A-Z]{3})\)$")  # Meta's `Amount spent (USD)`
_API_FIELD = re.compile(r"(segments|campaign|customer|metrics)[._]([A-Za-z_]+)")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True)
class Layout:
    """Where in a file the columns are."""

    delimiter: str
    header: bool
    headers: tuple[str, ...]  # as the file writes them; where it has none, as many blanks as it has columns
    positions: Mapping[str, int | None]  # canonical name -> column; None: the default
    first_line: int = 1  # number of the header's line, or of the first row where there is no header
    micros: frozenset[str] = frozenset()  # canonical names of amounts that are in millionths of a unit
    zero_blanks: frozenset[str] = frozenset()  # canonical names of columns whose blank cells are 0
    currency: str = ""  # of all amounts, where a header names it
    user_features: tuple[int, ...] = ()
    identity: tuple[int, ...] | None = field(default=None)  # columns that name a row; (): the whole line; None: nothing

    @property
    def width(self) -> int:
        """Columns of every row."""
        return len(self.headers)


def layout_of(kind: Kind, mapping: Mapping[str, str], text: str, path: str) -> Layout:
    """Recognise a file by the first lines of its text; IngestError names it and every column that is missing."""
    _check_names(kind, mapping)
    first_lines = head(text)
    if (layout := _headerless(kind, mapping, *first_lines[0])) is not None:
        return layout
    tried = [(line, delimiter) for line in first_lines for delimiter in _DELIMITERS]
    headers = [(number, mark, _cells(text, mark)) for (number, text), mark in tried]
    line, delimiter, header = max(headers, key=lambda each: _found(kind, mapping, each[2]))
    if not _found(kind, mapping, header):
        line, delimiter, header = headers[0]
    _check_mapping(mapping, header, path)
    positions = {wanted.name: _position(wanted, header, mapping, path) for wanted in kind.fields}
    if missing := [f.name for f in kind.fields if positions[f.name] is None and f.default is None]:
        raise IngestError(
            f"{path} is not a {kind.name} log: no column {', '.join(missing)} in its header "
            f"({shown(header)}); "
            f"name its columns, as in --map {missing[0]}=COLUMN"
        )
    if any("\ufffd" in name for name in header):
        raise IngestError(f"{path}: its header on line {line} is not UTF-8, so that a column may be missed: save it so")
    cost = positions.get("cost")
    currency = _HEADER_CURRENCY.search(header[cost]) if cost is not None else None
    return Layout(
        delimiter, True, tuple(header), positions, line,
        micros=frozenset(n for n, at in positions.items() if at is not None and "micros" in header[at].casefold()),
        zero_blanks=_zero_blanks(kind, header),
        currency=currency[1] if currency else "",
        user_features=_user_features(header, mapping) if kind is BANDIT else (),
        identity=_identity(kind, header),
    )  # fmt: skip


def _zero_blanks(kind: Kind, header: Sequence[str]) -> frozenset[str]:
    """Meta leaves a cell blank where nothing was counted; elsewhere a blank is not known."""
    if not any(_named(name, header) for name in META_HEADERS):
        return frozenset()
    return frozenset(wanted.name for wanted in kind.fields if wanted.counted)


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader((text,), delimiter=delimiter, strict=True))]
    except csv.Error:
        return []


def _found(kind: Kind, mapping: Mapping[str, str], header: Sequence[str]) -> int:
    """How many columns of the kind a line would name, if it were the header."""
    return sum(bool(_candidates(wanted, header, mapping)) for wanted in kind.fields)


# ------------------------------------------------------------ without a header


def _headerless(kind: Kind, mapping: Mapping[str, str], number: int, first: str) -> Layout | None:
    """A form that is known without a header, or one whose columns the user names by number, from 1."""
    by_number = bool(mapping) and all(target.isascii() and target.isdigit() for target in mapping.values())
    if mapping and not by_number:
        return None
    for delimiter in _HEADERLESS_DELIMITERS:
        cells = first.split(delimiter)
        at = {name: int(target) - 1 for name, target in mapping.items()} if by_number else _form(kind, cells)
        if at and max(at.values()) < len(cells) and min(at.values()) >= 0:
            positions = {wanted.name: at.get(wanted.name) for wanted in kind.fields}
            if by_number and any(target in _cells(first, delimiter) for target in mapping.values()):
                return None  # a header of numbers: they are names
            if all(at.get(f.name) is not None or f.default is not None for f in kind.fields):
                return Layout(delimiter, False, ("",) * len(cells), positions, number)
    return None


def _form(kind: Kind, cells: Sequence[str]) -> dict[str, int]:
    """The places of a known form's columns; empty where the cells are of none."""
    forms = [form for form in kind.headerless if form.width == len(cells)]
    return next((dict(form.places) for form in forms if re.fullmatch(form.pattern, cells[form.cell].strip())), {})


# ------------------------------------------------------------ with a header


def _check_names(kind: Kind, mapping: Mapping[str, str]) -> None:
    names = [f.name for f in kind.fields]
    for name, target in mapping.items():
        if name not in names and not (kind is BANDIT and name.startswith(USER_FEATURES)):
            raise IngestError(f"--map {name}={target}: a {kind.name} log has no {name!r}; it has {', '.join(names)}")


def _check_mapping(mapping: Mapping[str, str], header: Sequence[str], path: str) -> None:
    for name, target in mapping.items():
        if not _named(target, header):
            raise IngestError(f"--map {name}={target}: {path} has no column {target!r}; it has {shown(header)}")


def _named(name: str, header: Sequence[str]) -> list[int]:
    """The columns of that name: as it is written where there is one, else in any case."""
    exact = [index for index, cell in enumerate(header) if cell == name]
    return exact or [index for index, cell in enumerate(header) if _folded(cell) == name.casefold()]


def _folded(cell: str) -> str:
    """A header as it is compared: in small letters, without a currency, and a field of Google Ads' API as GAQL has it.

    Its clients write the field metrics.cost_micros as `metrics.costMicros` or `metrics_cost_micros` too.
    """
    plain = _HEADER_CURRENCY.sub("", cell)
    if (api := _API_FIELD.fullmatch(plain)) is None:
        return plain.casefold()
    return f"{api[1]}.{_CAPITAL.sub('_', api[2])}".casefold()


def _candidates(wanted: Field, header: Sequence[str], mapping: Mapping[str, str]) -> list[int]:
    """The columns that may be meant: the mapped ones, else those of our own name, else those of any other name."""
    if wanted.name in mapping:
        return _named(mapping[wanted.name], header)
    if found := _named(wanted.name, header):
        return found
    named = [places for alias in wanted.aliases if (places := _named(alias, header))]
    if wanted.instant or wanted.name == "campaign":
        # Meta's exports by day have the beginning of the report too, and rows of an API the campaign's id and its name.
        return named[0] if named else []
    return sorted({index for places in named for index in places})


def _position(wanted: Field, header: Sequence[str], mapping: Mapping[str, str], path: str) -> int | None:
    found = _candidates(wanted, header, mapping)
    if len(found) > 1:
        names = [header[index] for index in found]
        if len(set(names)) == 1:
            raise IngestError(f"{path}: its header names {names[0]!r} {len(names)} times: rename or remove one of them")
        raise IngestError(
            f"{path}: {', '.join(map(repr, names))} may each be meant by {wanted.name}: say which, as in "
            f"--map '{wanted.name}={names[0]}'"
        )
    return found[0] if found else None


def _user_features(header: Sequence[str], mapping: Mapping[str, str]) -> tuple[int, ...]:
    named = {name: index for index, name in enumerate(header) if name.startswith(USER_FEATURES)}
    named |= {name: _named(target, header)[0] for name, target in mapping.items() if name.startswith(USER_FEATURES)}
    return tuple(named[name] for name in sorted(named, key=lambda name: (len(name), name)))


def _identity(kind: Kind, header: Sequence[str]) -> tuple[int, ...] | None:
    if kind.equal_rows:
        return ()
    return next(((found[0],) for name in kind.ids if (found := _named(name, header))), None)
