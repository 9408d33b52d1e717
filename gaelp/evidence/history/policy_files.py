"""A policy that a user gives as a table: probabilities by item, and by a user feature and a position where it has them.

Touch this to let a policy depend on something else.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from typing import TextIO

import numpy as np

from gaelp.arrays import F8, I8, Array
from gaelp.errors import WRONG_USE, GaelpError
from gaelp.evidence.history.bandit_rows import HOURS

_FEATURE = re.compile(r"user_feature_(\d+)")
Cell = tuple[str, int]
"""A segment and a position; "" and -1 where the table has none."""


class InvalidPolicy(GaelpError, ValueError):
    """A table gives no policy for this log; the message names line and remedy."""

    permanent = True
    exit_code = WRONG_USE


def table_policy(file: TextIO, log: Mapping[str, Array], name: str) -> tuple[F8, I8]:
    """The policy f8[P, 24, S, K] of a csv file, and the segment i8[N] of each row of the log.

    Columns `item_id` and `probability`, and where the policy depends on them `position` and one of `user_feature_0`,
    `user_feature_1` and so on, whose values are then the segments. Items that are left out have probability 0. Raises
    InvalidPolicy.
    """
    reader = csv.DictReader(file)
    headers = [header.strip() for header in reader.fieldnames or []]
    reader.fieldnames = headers
    feature = _feature(headers, log, name)
    items = {str(item): index for index, item in enumerate(log["item_ids"])}
    cells: dict[Cell, F8] = {}
    for row in reader:
        where = f"{name} line {reader.line_num}"
        cell = (row[f"user_feature_{feature}"].strip() if feature is not None else "", _position(row, headers, where))
        item, shares = str(row["item_id"]).strip(), cells.setdefault(cell, np.full(len(items), np.nan))
        if item not in items:
            raise InvalidPolicy(f"{where}: the log never shows an item {item!r}: name items as the log does")
        if not np.isnan(shares[items[item]]):
            raise InvalidPolicy(f"{where}: item {item!r} is there twice: give it one probability")
        shares[items[item]] = _probability(str(row["probability"]), where)
    return _assembled({cell: np.nan_to_num(shares) for cell, shares in cells.items()}, feature, log, name)


def _feature(headers: Sequence[str], log: Mapping[str, Array], name: str) -> int | None:
    features = [int(found[1]) for header in headers if (found := _FEATURE.fullmatch(header))]
    unknown = [h for h in headers if h not in ("item_id", "probability", "position") and not _FEATURE.fullmatch(h)]
    if not {"item_id", "probability"} <= set(headers) or unknown or len(features) > 1:
        raise InvalidPolicy(
            f"{name}: its columns are {', '.join(headers) or 'none'}: give item_id and probability, and where the "
            "policy depends on them position and one user_feature_N"
        )
    if features and features[0] >= log["user_features"].shape[1]:
        raise InvalidPolicy(f"{name}: the log has no user_feature_{features[0]}: name one that it has")
    return features[0] if features else None


def _position(row: Mapping[str, str], headers: Sequence[str], where: str) -> int:
    if "position" not in headers:
        return -1
    text = (row["position"] or "").strip()
    if not (text.isascii() and text.isdigit()):
        raise InvalidPolicy(f"{where}: position {text!r} is not a number: write it as the log does")
    return int(text)


def _probability(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise InvalidPolicy(f"{where}: probability {text!r} is not a number from 0 to 1")
    return value


def _assembled(cells: Mapping[Cell, F8], feature: int | None, log: Mapping[str, Array], name: str) -> tuple[F8, I8]:
    """Every segment and position that the log has, in the log's order of positions."""
    values = np.zeros(len(log["action"]), "U1") if feature is None else log["user_features"][:, feature]
    segments, segment = np.unique(values, return_inverse=True)
    stated = any(position >= 0 for _, position in cells)
    positions = np.unique(log["position"]).tolist() if stated else [-1]
    policy = np.zeros((len(positions), HOURS, len(segments), len(log["item_ids"])))
    for s, value in enumerate(segments.tolist()):
        for p, position in enumerate(positions):
            shares = cells.get((value, position))
            place = _named(value, position, feature)
            if shares is None:
                raise InvalidPolicy(f"{name}: it has no probabilities{place}, which the log has: add them")
            if not math.isclose(total := float(shares.sum()), 1.0, abs_tol=1e-6):
                raise InvalidPolicy(f"{name}: the probabilities{place} sum to {total:.6g}: let them sum to 1")
            policy[p, :, s] = shares / total
    return policy, segment.astype(np.int64)


def _named(value: str, position: int, feature: int | None) -> str:
    parts = [f"user_feature_{feature} {value!r}"] if feature is not None else []
    parts += [f"position {position}"] if position >= 0 else []
    return f" for {' and '.join(parts)}" if parts else ""
