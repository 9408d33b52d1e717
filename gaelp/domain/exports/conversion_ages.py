"""When conversions came after their clicks, as exports tell it: cells of the triangle of click day by age.

Touch this when another form of export can tell it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

DOWNLOAD = (
    "one export without the age of its conversions cannot tell how late they come: in Google Ads add the segment "
    "Conversions > Days to conversion and download it again; elsewhere download the same export on several days, and "
    "give all of them: lag MONDAY.csv TUESDAY.csv ..."
)


@dataclass(frozen=True)
class AgedConversions:
    """Conversions of a click day that came `first_age` to `last_age` whole days after it; 0 is the click's own day."""

    day: date
    first_age: int
    last_age: int
    conversions: float  # may be a fraction


@dataclass(frozen=True)
class ConversionTriangle:
    """All that was seen, and until which age each click day was watched."""

    cells: tuple[AgedConversions, ...]
    watched: Mapping[date, int]  # every click day -> the last age at which its conversions would have been seen
    taken_back: float = 0.0  # conversions that a later export no longer has
    without_age: float = 0.0  # conversions of which no age is known

    @property
    def so_far(self) -> dict[date, float]:
        """The conversions of each click day."""
        counts = dict.fromkeys(sorted(self.watched), 0.0)
        for cell in self.cells:
            counts[cell.day] += cell.conversions
        return counts


@dataclass(frozen=True)
class Snapshot:
    """What one export had of each click day, as of the end of its last day."""

    first_day: date
    last_day: date
    conversions: Mapping[date, float]


def triangle_of(snapshots: Sequence[Snapshot]) -> ConversionTriangle:
    """From several exports of one account, each of another day: what came between two of them has these ages.

    Raises ValueError where two have the same last day.
    """
    ordered = sorted(snapshots, key=lambda each: each.last_day)
    lasts = [each.last_day for each in ordered]
    if len(set(lasts)) < len(lasts):
        raise ValueError("two of the files end on the same day: give one of each day")
    cells, watched, taken_back = [], {}, 0.0
    for day in _days(min(each.first_day for each in ordered), lasts[-1]):
        before, age = 0.0, -1
        for snapshot in (each for each in ordered if each.first_day <= day <= each.last_day):
            count, next_age = snapshot.conversions.get(day, 0.0), (snapshot.last_day - day).days
            cells.append(AgedConversions(day, age + 1, next_age, max(0.0, count - before)))
            taken_back += max(0.0, before - count)
            before, age = count, next_age
        if age >= 0:
            watched[day] = age
    return ConversionTriangle(tuple(cells), watched, taken_back)


def triangle_from_ages(
    aged: Iterable[AgedConversions], last_day: date, *, elapsed: bool, without_age: float = 0.0
) -> ConversionTriangle:
    """From one export that has the age of each conversion, and was downloaded after the end of `last_day`.

    `elapsed`: ages count days of 24 hours since the click. The last one that may have come at all has then been watched
    for half of the clicks only, so that it is left out.
    """
    cells: dict[tuple[date, int, int], float] = defaultdict(float)
    for each in aged:
        most = (last_day - each.day).days - elapsed
        if each.first_age <= most:
            cells[each.day, each.first_age, min(each.last_age, most)] += each.conversions
    first = min((day for day, _, _ in cells), default=last_day)
    watched = {day: age for day in _days(first, last_day) if (age := (last_day - day).days - elapsed) >= 0}
    return ConversionTriangle(
        tuple(AgedConversions(*key, count) for key, count in sorted(cells.items())), watched, without_age=without_age
    )


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
