"""Amounts of one run from the ledger's journal: worst cases, bills, and the caps that people have approved.

Amounts in the journal are absolute, so the last one of a kind counts.

Touch this when the report shows one more of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from gaelp.domain.spending.ledger_records import JournalEntry


@dataclass(frozen=True)
class SpendDay:
    """All campaigns of one phase on one day of the ad account."""

    phase: str
    day: date
    worst_micros: int
    billed_micros: int


@dataclass
class BookedDay:
    """A day of a campaign: the worst case reserved for it, and what it has cost, in micros."""

    phase: str
    campaign: str
    day: date
    worst: int = 0
    billed: int = 0
    settled: bool = False  # what was billed is final


def campaign_days(journal: Sequence[JournalEntry]) -> list[BookedDay]:
    """One for each reservation key."""
    keys: dict[str, BookedDay] = {}
    for entry in journal:
        if entry.kind not in ("reserve", "post", "settle", "freeze"):
            continue
        row = keys.setdefault(entry.key, BookedDay(entry.phase, entry.campaign, _day(entry)))
        if entry.kind == "reserve":
            row.worst = max(row.worst, entry.amount_micros)
        elif entry.kind in ("post", "settle"):
            row.billed = entry.amount_micros
            row.settled = entry.kind == "settle"
    return list(keys.values())


def _day(entry: JournalEntry) -> date:
    detail = json.loads(entry.detail or "{}")
    return date.fromisoformat(detail["day"]) if "day" in detail else entry.at.date()


def by_day(days: Sequence[BookedDay]) -> list[SpendDay]:
    """Summed over campaigns, by phase and day."""
    totals: dict[tuple[str, date], list[int]] = {}
    for key in days:
        total = totals.setdefault((key.phase, key.day), [0, 0])
        total[0] += key.worst
        total[1] += key.billed
    return [SpendDay(phase, day, worst, billed) for (phase, day), (worst, billed) in sorted(totals.items())]


def still_billable(days: Sequence[BookedDay]) -> dict[str, int]:
    """Phase -> micros that may still be billed for its days that are not settled, at worst."""
    billable: dict[str, int] = {}
    for key in days:
        more = 0 if key.settled else max(key.worst - key.billed, 0)
        billable[key.phase] = billable.get(key.phase, 0) + more
    return billable


def worst_by_campaign(days: Sequence[BookedDay]) -> dict[str, int]:
    """The worst case of each campaign over its life."""
    worst: dict[str, int] = {}
    for key in days:
        worst[key.campaign] = worst.get(key.campaign, 0) + key.worst
    return worst


def signed_daily(journal: Sequence[JournalEntry]) -> dict[str, int]:
    """Phase -> the largest worst case of one day that a person has signed for it, in micros."""
    signed: dict[str, int] = {}
    for entry in journal:
        if entry.kind == "approve":
            cap = json.loads(entry.detail or "{}").get("daily_cap_micros", 0)
            signed[entry.phase] = max(cap, signed.get(entry.phase, 0))
    return signed


def approved_requests(journal: Sequence[JournalEntry]) -> dict[str, dict[str, int]]:
    """Phase -> the requests that were approved in it, each with its total cap in micros, in order."""
    approved: dict[str, dict[str, int]] = {}
    for entry in journal:
        if entry.kind == "approve":
            approved.setdefault(entry.phase, {})[entry.key] = entry.amount_micros
    return approved
