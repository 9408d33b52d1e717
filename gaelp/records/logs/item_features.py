"""What may be shown: item ids and their features. Touch this to describe candidates in another way."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from gaelp.arrays import F4, F8
from gaelp.records.logs.log_files import IngestError, opened, shown

_BESIDE = "item_context.csv"  # Open Bandit's name for it
LARGEST_ITEM_FILE = 64_000_000  # bytes
_MOST_NUMBERED = 1024  # items without features are told apart by a column each


@dataclass(frozen=True)
class Items:
    """Items in the order of their action index; every value is text as it was read."""

    ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    raw: bytes = b""

    @property
    def index(self) -> dict[str, int]:
        """Id to action index."""
        return {item: index for index, item in enumerate(self.ids)}

    @classmethod
    def occurring(cls, names: Iterable[str], path: str) -> Items:
        """The items that a log shows, without features, numbers in their order; raises IngestError above 1024."""
        found = set(names)
        if len(found) > _MOST_NUMBERED:
            raise IngestError(f"{path} has {len(found)} items: above {_MOST_NUMBERED} items give an item file")
        numbers = all(name.isascii() and name.isdigit() for name in found)
        ordered = sorted(found, key=lambda name: (int(name), name) if numbers else (0, name))
        return cls(tuple(ordered), (), ((),) * len(ordered))

    def to_json(self) -> str:
        """For the warehouse."""
        return json.dumps({"ids": self.ids, "columns": self.columns, "values": self.values})

    @classmethod
    def from_json(cls, text: str) -> Items:
        """The inverse of `to_json`."""
        stored = json.loads(text)
        return cls(tuple(stored["ids"]), tuple(stored["columns"]), tuple(map(tuple, stored["values"])))

    def features(self) -> F4:
        """f4[K, G]: numeric columns as they are, text columns one-hot (sorted); identity where none."""
        if not self.columns:
            return np.eye(len(self.ids), dtype=np.float32)
        blocks = [_encoded([row[i] for row in self.values]) for i in range(len(self.columns))]
        return np.concatenate(blocks, axis=1).astype(np.float32)


def _encoded(texts: list[str]) -> F8:
    try:
        numeric = [float(text) for text in texts]
    except ValueError:
        numeric = [math.nan]
    if all(map(math.isfinite, numeric)):
        return np.array(numeric)[:, None]
    levels = sorted(set(texts))
    return np.array([[text == level for level in levels] for text in texts], np.float64)


def read_items(path: str, items: str | None, mapping: Mapping[str, str]) -> Items | None:
    """Items from the file `items`, or from item_context.csv beside `path`; None where there is neither."""
    if items is not None:
        return _parsed(str(items), _bytes(str(items)), mapping.get("item_id", "item_id"))
    folder, slash, _ = path.rpartition("/")
    beside = f"{folder}{slash}{_BESIDE}"
    try:
        raw = _bytes(beside)
    except IngestError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    return _parsed(beside, raw, "item_id")


def _bytes(path: str) -> bytes:
    with opened(path) as stream:
        raw = stream.read(LARGEST_ITEM_FILE + 1)
    if len(raw) > LARGEST_ITEM_FILE:
        raise IngestError(f"item file {path} is larger than {LARGEST_ITEM_FILE:,} bytes: give the items alone")
    return raw


def _parsed(path: str, raw: bytes, wanted: str) -> Items:
    try:
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise IngestError(f"item file {path} is not csv in UTF-8: {error}") from error
    header, body = (rows[0] if rows else []), [row for row in rows[1:] if row]
    name = wanted if wanted in header else "item_id"
    if name not in header or not body:
        raise IngestError(f"item file {path} has no column item_id, or no items; its header is {shown(header)}")
    if any(len(row) != len(header) for row in body):
        raise IngestError(f"item file {path}: a row has not the {len(header)} columns of the header")
    at = header.index(name)
    if len({row[at] for row in body}) != len(body):
        raise IngestError(f"item file {path} names an item twice")
    if all(row[at].isascii() and row[at].isdigit() for row in body):
        body.sort(key=lambda row: int(row[at]))
    kept = [i for i, column in enumerate(header) if i != at and column]  # a column without a name is a row number
    values = tuple(tuple(row[i] for i in kept) for row in body)
    return Items(tuple(row[at] for row in body), tuple(header[i] for i in kept), values, raw)
