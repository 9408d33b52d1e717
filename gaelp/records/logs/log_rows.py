"""From cut lines of a log to good rows and rejected lines. Touch this to judge rows otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gaelp.arrays import B1, I8
from gaelp.records.logs.cut_lines import CutLines, rejected_table
from gaelp.records.logs.log_columns import BLANKS, Marks, mask
from gaelp.records.logs.log_kinds import BANDIT, MONTHS, WEEKS, Check, Field, Kind
from gaelp.records.logs.log_layouts import Layout

DUPLICATE = "duplicate of an earlier row"
_TOTALS = r"(?i)^[\s\"]*(?:total|gesamt|summe)"
_TOTAL_OF_ARMS = r"(?i)^\s*(?:grand )?(?:total|gesamt|summe|alle)s?\s*(?::.*)?$"  # an arm may be called Total Wireless


@dataclass(frozen=True)
class Judged:
    """Rows for the warehouse with their lines, what was rejected, and how many sums of other rows were left out.

    Where the log's rows have an identity, `identity` is a column of the good rows too.
    """

    good: Any
    rejected: Any
    left_out: int


class Judge:
    """Judges the lines of one log, whose columns are where `layout` says and written as `marks` say."""

    def __init__(
        self, kind: Kind, layout: Layout, marks: Mapping[str, Marks], items: Sequence[str] | None = None
    ) -> None:
        """`items` are those of an item file; without one a bandit log's rows may show any."""
        self._kind, self._layout, self._marks = kind, layout, marks
        self._items = items

    def judge(self, lines: CutLines) -> Judged:
        """Split lines into good rows and rejected ones; the first reason that applies is given."""
        rows, left_out = without_totals(lines, self._kind, self._layout)
        reasons = _Reasons(len(rows.numbers))
        columns = {wanted.stored: self._parsed(wanted, rows, reasons) for wanted in self._kind.fields}
        if self._layout.positions.get("until", 0) is None:
            columns["until"] = _period_end(columns["at"], self._day_header)
        for check in self._kind.checks:
            reasons.add(true(check, columns), check.reason)
        if self._kind is BANDIT:
            if self._items is not None:
                listed = pc.is_in(columns["item"], pa.array(self._items, pa.string()))
                reasons.add(~mask(listed), "item is not in the item file")
            columns["user_features"] = _features([rows.columns[at] for at in self._layout.user_features], len(reasons))
        columns["line"] = pa.array(rows.numbers)
        if (identity := self._layout.identity) is not None:
            columns["identity"] = rows.columns[identity[0]] if identity else rows.texts
        good = pa.table(columns)
        if reasons.any:
            good = good.filter(pa.array(reasons.none))
        bad = pa.array(~reasons.none)
        bad = rejected_table(pa.array(rows.numbers).filter(bad), reasons.names.filter(bad), rows.texts.filter(bad))
        return Judged(good, pa.concat_tables([rows.broken, bad]).sort_by("line"), left_out)

    @property
    def _day_header(self) -> str:
        return self._layout.headers[self._layout.positions["date"] or 0].casefold()

    def _parsed(self, wanted: Field, rows: CutLines, reasons: _Reasons) -> Any:
        position, marks = self._layout.positions[wanted.name], self._marks[wanted.name]
        if position is None:
            known = self._layout.currency if wanted.name == "currency" else ""
            value = wanted.parse(pa.array([known or wanted.default or ""]), marks)[0]
            return value.take(pa.array(np.zeros(len(reasons), np.int64)))
        texts = rows.columns[position]
        if wanted.name in self._layout.zero_blanks:
            texts = pc.if_else(pc.equal(pc.utf8_trim_whitespace(texts), ""), "0", texts)
        values, good = wanted.parse(texts, marks)
        if wanted.blank and not good.all():
            text = pc.utf8_trim_whitespace(rows.columns[position])
            good = good | mask(pc.is_in(text, pa.array(BLANKS)))
        reasons.add(~good, wanted.wrong)
        return values


class _Reasons:
    """Why each of N rows is rejected: the first reason that was added for it, if any."""

    def __init__(self, rows: int) -> None:
        self._codes = np.zeros(rows, np.int16)
        self._names = [""]

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, bad: B1, reason: str) -> None:
        """These rows are bad."""
        if bad.any():
            self._codes[bad & (self._codes == 0)] = len(self._names)
            self._names.append(reason)

    @property
    def any(self) -> bool:
        """Whether a row is bad."""
        return len(self._names) > 1

    @property
    def none(self) -> B1:
        """Which rows are good."""
        good: B1 = self._codes == 0
        return good

    @property
    def names(self) -> Any:
        """The reason of each row; empty where it is good."""
        return pa.DictionaryArray.from_arrays(pa.array(self._codes), pa.array(self._names))


def places(kind: Kind, layout: Layout) -> list[int]:
    """The columns of the file that a judge reads."""
    placed = {at for at in layout.positions.values() if at is not None}
    used = placed | {*layout.user_features, *(layout.identity or ())}
    return sorted(used | ({0, *_naming(layout, "date", "campaign", "arm")} if kind.has_sums else set()))


def _naming(layout: Layout, *names: str) -> list[int]:
    """The places of those columns that the file has."""
    return [at for name in names if (at := layout.positions.get(name)) is not None]


def without_totals(lines: CutLines, kind: Kind, layout: Layout) -> tuple[CutLines, int]:
    """The lines that are no sum of the others, and how many are.

    An export writes `Total` or the like in them, and Meta neither a day nor a campaign.
    """
    if not kind.has_sums:
        return lines, 0
    sums = (_of_days if "campaign" in layout.positions else _of_arms)(lines, layout)
    short = mask(pc.match_substring_regex(lines.broken["raw"].combine_chunks(), _TOTALS))
    if not sums.any() and not short.any():
        return lines, 0
    kept = pa.array(~sums)
    columns = {at: values.filter(kept) for at, values in lines.columns.items()}
    broken = lines.broken.filter(pa.array(~short))
    numbers, texts = lines.numbers[~sums], lines.texts.filter(kept)
    rest = replace(lines, numbers=numbers, columns=columns, texts=texts, broken=broken)
    return rest, int(sums.sum() + short.sum())


def _of_days(lines: CutLines, layout: Layout) -> B1:
    day = layout.positions["date"] or 0
    words = pc.or_(*(pc.match_substring_regex(lines.columns[at], _TOTALS) for at in (0, day)))
    sums = mask(pc.and_(words, pc.invert(pc.match_substring_regex(lines.columns[day], r"^\d"))))
    if len(named := _naming(layout, "date", "campaign")) == 2:
        sums |= mask(pc.and_(*(pc.equal(pc.utf8_trim_whitespace(lines.columns[at]), "") for at in named)))
    return sums


def _of_arms(lines: CutLines, layout: Layout) -> B1:
    """A row of an experiment's table that would count as an arm."""
    first, arm = (pc.match_substring_regex(lines.columns[at], _TOTAL_OF_ARMS) for at in (0, *_naming(layout, "arm")))
    return mask(pc.or_(first, arm))


def _period_end(begins: Any, header: str) -> Any:
    """The last day of periods of which a report names the first one; null where a row is a day."""
    if header not in (*WEEKS, *MONTHS):
        return pa.nulls(len(begins), begins.type)
    if header in WEEKS:
        return pc.add(begins, pa.scalar(timedelta(days=6), pa.duration("us")))
    naive = pc.cast(begins, pa.timestamp("us"))
    after = pc.ceil_temporal(naive, unit="month", ceil_is_strictly_greater=True)
    return pc.cast(pc.subtract(after, pa.scalar(timedelta(days=1), pa.duration("us"))), begins.type)


def true(check: Check, columns: Mapping[str, Any]) -> B1:
    """Where a check or a note applies."""
    return mask(check.bad(columns))


def _features(columns: Sequence[Any], rows: int) -> Any:
    """JSON arrays of text, string[N]."""
    if not columns:
        return pa.array(["[]"]).take(pa.array(np.zeros(rows, np.int64)))
    encoded = [pc.dictionary_encode(values) for values in columns]
    codes, kinds = np.zeros(rows, np.int64), 1
    for each in encoded:
        codes, kinds = codes * len(each.dictionary) + each.indices.to_numpy(), kinds * len(each.dictionary)
    if not rows or kinds > 2**62:
        return _json(columns)
    first, place = _kinds(codes, kinds)
    return _json([values.take(pa.array(first)) for values in columns]).take(pa.array(place))


def _kinds(codes: I8, kinds: int) -> tuple[I8, I8]:
    """Of each code that occurs a row that has it, and for each row which of these; codes are below `kinds`."""
    if kinds > len(codes):
        _, first, place = np.unique(codes, return_index=True, return_inverse=True)
        return first, place
    row = np.full(kinds, -1, np.int64)  # users are of few kinds, which need no sorting
    row[codes] = np.arange(len(codes))
    return row[row >= 0], (np.cumsum(row >= 0) - 1)[codes]


def _json(columns: Sequence[Any]) -> Any:
    return pc.binary_join_element_wise('["', pc.binary_join_element_wise(*map(_json_text, columns), '", "'), '"]', "")


def _json_text(values: Any) -> Any:
    """The texts as JSON writes them between its quotes."""
    if not pc.any(pc.match_substring_regex(values, r'[\\"\x00-\x1f]'), min_count=0).as_py():
        return values
    found = pc.dictionary_encode(values)
    escaped = pa.array([json.dumps(text, ensure_ascii=False)[1:-1] for text in found.dictionary.to_pylist()])
    return escaped.take(found.indices)
